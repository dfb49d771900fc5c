//! The answers of these calls are those of the OpenAPI document, which `World::call` compares too.

use std::collections::BTreeSet;
use std::time::Duration;

use helvetisafe_proto::ErrorCode;
use helvetisafe_server::ExposeSecret;
use serde_json::{Value, json};

use super::founding::Second;
use super::world::{ADMINISTRATOR, Invited, MEMBER, Person, World, check};
use crate::document::{Document, Operation};
use crate::raw::answer_to;
use crate::support::{Answer, builder, throttled_site};

/// The calls of these tests.
const PATHS: [(&str, &str); 12] = [
    ("POST", "/api/v1/organizations"),
    ("GET", "/api/v1/account"),
    ("GET", "/api/v1/organization/chain"),
    ("GET", "/api/v1/organization/invitations"),
    ("POST", "/api/v1/organization/invitations"),
    ("DELETE", "/api/v1/organization/invitations/{id}"),
    ("GET", "/api/v1/organization/members"),
    ("POST", "/api/v1/organization/members"),
    ("POST", "/api/v1/organization/members/disable"),
    ("GET", "/api/v1/join"),
    ("POST", "/api/v1/join"),
    ("GET", "/api/v1/join/chain"),
];

fn calls(document: &Document) -> Vec<Operation<'_>> {
    let mut calls = document.administration();
    calls.retain(|it| PATHS.contains(&(it.method, it.path)));
    calls
}

/// The credentials of all calls.
struct Credentials {
    world: World,
    bootstrap: String,
    invited: Invited,
}

impl Credentials {
    fn new() -> Self {
        let timeout = Duration::from_millis(300);
        let world = World::of(builder().client_timeout(timeout).start().unwrap());
        let invited = world.invitation("Zoe", MEMBER);
        world.invite(&invited).success(200);
        let bootstrap = world.vault.new_bootstrap_token().unwrap();
        Self {
            world,
            bootstrap: bootstrap.expose_secret().to_owned(),
            invited,
        }
    }

    fn of(&self, operation: Operation<'_>) -> String {
        match operation.path {
            "/api/v1/organizations" => self.bootstrap.clone(),
            path if path.starts_with("/api/v1/join") => self.invited.token(),
            _ => self.world.ada.token.clone(),
        }
    }

    /// Sends these header lines and this body.
    fn raw(&self, operation: Operation<'_>, headers: &str, body: &str) -> Answer {
        let (method, path) = (operation.method, path_of(operation));
        let request = format!("{method} {path} HTTP/1.1\r\n{headers}\r\n{body}");
        answer_to(self.world.vault.address(), request.as_bytes()).unwrap()
    }

    fn refusals(&self, operation: Operation<'_>) -> Vec<Answer> {
        let token = self.of(operation);
        let bearer = format!("host: a\r\nauthorization: Bearer {token}\r\n");
        let both = format!("{bearer}x-aegis-token: x\r\n");
        let mut answers = vec![
            self.raw(operation, "host: a\r\n", ""),
            self.raw(operation, &both, ""),
        ];
        if let Some(scope) = operation.scope() {
            assert_ne!(scope, "secrets:read");
            let answer = super::world::log_in(&self.world.vault, &self.world.ada, "secrets:read");
            let answer = answer.success(200);
            let token = answer["access_token"].as_str().unwrap();
            let (path, method) = (path_of(operation), operation.method);
            let refused = self.world.call(method, &path, token, None);
            check(&refused, ErrorCode::MissingScope);
            answers.push(refused);
        }
        if operation.has_body() {
            let json = format!("{bearer}content-type: application/json\r\n");
            let large = "x".repeat(70_000);
            for (headers, body) in [
                (format!("{json}content-length: 70000\r\n"), large.as_str()),
                (format!("{json}content-length: 10\r\n"), "12345"),
                (format!("{bearer}content-length: 2\r\n"), "{}"),
                (format!("{json}content-length: 2\r\n"), "{}"),
            ] {
                answers.push(self.raw(operation, &headers, body));
            }
        }
        answers
    }
}

fn path_of(operation: Operation<'_>) -> String {
    operation.path.replace("{id}", &"0".repeat(64))
}

/// Returns the answer to a second request where only one is allowed.
fn throttled(operation: Operation<'_>) -> Answer {
    let site = throttled_site();
    let ask = || site.call_as(&site.token, operation.method, &path_of(operation), None);
    ask();
    ask()
}

#[test]
fn every_documented_answer_occurs() {
    let (document, credentials) = (Document::new(), Credentials::new());
    let mut seen = BTreeSet::new();
    for operation in calls(&document) {
        let mut answers = credentials.refusals(operation);
        answers.push(throttled(operation));
        for answer in answers {
            document.check(operation, &answer);
            seen.insert((operation.method, operation.path.to_owned(), answer.status));
        }
    }
    seen.extend(of_a_life());
    // These need a broken vault, one that is busy for too long for a test, or a full disk.
    let unseen = [500, 503, 507];
    for operation in calls(&document) {
        for status in operation.statuses() {
            let key = (operation.method, operation.path.to_owned(), status);
            assert_eq!(seen.contains(&key), !unseen.contains(&status), "{key:?}");
        }
    }
}

/// Makes each call with success, and with the refusals that the state of the organization decides.
fn of_a_life() -> Vec<(&'static str, String, u16)> {
    let world = World::new();
    let mut seen = Vec::new();
    let mut see = |n: usize, answer: Answer| {
        seen.push((PATHS[n].0, PATHS[n].1.to_owned(), answer.status));
    };
    let second = Second::new();
    let founding = second.world.founding();
    see(0, second.send(&founding));
    let token = second.world.vault.new_bootstrap_token().unwrap();
    let taken = second
        .world
        .post(PATHS[0].1, token.expose_secret(), &founding);
    see(0, taken);
    for n in [1, 2, 3, 6] {
        see(n, world.get(PATHS[n].1, &world.ada.token));
    }
    let bob = Person::new("Bob", false);
    let invited = world.join(&bob);
    let mut other = world.invitation("Bob", MEMBER);
    see(4, world.invite(&other));
    other.body.name = "Kim".to_owned();
    other.body.sealed.key_epoch = 2;
    see(4, world.invite(&other));
    see(4, world.invite(&invited));
    for n in [9, 11] {
        see(n, world.get(PATHS[n].1, &invited.token()));
    }
    let mut request = world.join_body(&bob, &invited);
    see(10, world.post(PATHS[10].1, &invited.token(), &request));
    request.client_secret_hash = [0; 32].into();
    see(10, world.post(PATHS[10].1, &invited.token(), &request));
    let key = world.ada.signing_key();
    let confirmation = world.confirmation(&bob, &invited, &world.chain(), key);
    let mut wrong = confirmation.clone();
    wrong.key_epoch = 2;
    see(7, world.confirm(&wrong));
    wrong.invitation = [0; 32].into();
    see(7, world.confirm(&wrong));
    wrong = confirmation.clone();
    wrong.public_key_hash = [0; 32].into();
    see(7, world.confirm(&wrong));
    see(7, world.confirm(&confirmation));
    see(5, world.withdraw(&invited));
    let withdrawn = world.invitation("Kim", ADMINISTRATOR);
    world.invite(&withdrawn).success(200);
    see(5, world.withdraw(&withdrawn));
    let mut disabling = world.disabling(&bob);
    disabling.account = Person::new("", false).account;
    see(8, world.disable(&disabling));
    disabling.account.clone_from(&world.ada.account);
    see(8, world.disable(&disabling));
    see(8, world.disable(&world.disabling(&bob)));
    seen
}

/// Each of the administrative calls needs its scope, and no other one.
#[test]
fn every_call_needs_its_scope_alone() {
    let (document, world) = (Document::new(), World::new());
    let needed: BTreeSet<_> = calls(&document)
        .iter()
        .filter_map(|operation| Some((operation.method, operation.path, operation.scope()?)))
        .collect();
    let expected = BTreeSet::from([
        ("GET", "/api/v1/account", "credentials:read"),
        ("GET", "/api/v1/organization/chain", "credentials:read"),
        (
            "GET",
            "/api/v1/organization/invitations",
            "organization:write",
        ),
        (
            "POST",
            "/api/v1/organization/invitations",
            "organization:write",
        ),
        (
            "DELETE",
            "/api/v1/organization/invitations/{id}",
            "organization:write",
        ),
        ("GET", "/api/v1/organization/members", "organization:read"),
        ("POST", "/api/v1/organization/members", "organization:write"),
        (
            "POST",
            "/api/v1/organization/members/disable",
            "organization:write",
        ),
    ]);
    assert_eq!(needed, expected);
    for scope in super::world::scopes(ADMINISTRATOR).iter() {
        let answer = super::world::log_in(&world.vault, &world.ada, scope.as_str());
        let token = answer.success(200)["access_token"]
            .as_str()
            .unwrap()
            .to_owned();
        for operation in calls(&document) {
            let Some(needed) = operation.scope() else {
                continue;
            };
            let body: Option<Value> = operation.has_body().then(|| json!({}));
            let answer = world.call(operation.method, &path_of(operation), &token, body);
            let is_refused = answer.status == 403;
            assert_eq!(is_refused, needed != scope.as_str(), "{scope} {answer:?}");
        }
    }
}
