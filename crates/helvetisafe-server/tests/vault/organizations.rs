//! Two organizations cannot reach each other's secrets: every call, every kind of credential, and every
//! combination of organizations that have a secret of the name.

use std::time::Duration;

use helvetisafe_server::{NewApiToken, StoredSecret, Vault, VaultBuilder};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::document::{Document, Operation};
use crate::support::{Answer, send};
use crate::tenant::{Tenant, log_in};

/// The organizations that have a secret of this name.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Name {
    Ours,
    Theirs,
    Both,
    Neither,
}

const NAMES: [(Name, &str); 4] = [
    (Name::Ours, "of_ours"),
    (Name::Theirs, "of_theirs"),
    (Name::Both, "of_both"),
    (Name::Neither, "of_neither"),
];

/// A credential, valid or not.
struct Credential {
    kind: &'static str,
    headers: Vec<(&'static str, String)>,
    works: bool,
}

/// Returns every kind of credential of a tenant.
fn credentials(vault: &Vault, of: &Tenant) -> Vec<Credential> {
    let bearer = |token: &str| vec![("authorization", format!("Bearer {token}"))];
    let header = |token: &str| vec![("x-aegis-token", token.to_owned())];
    let new = |kind, headers, works| Credential {
        kind,
        headers,
        works,
    };
    let access = of.access_token();
    let mut credentials = vec![
        new("access token", bearer(&access), true),
        new("API token", bearer(&of.api_token), true),
        new("API token in its own header", header(&of.api_token), true),
        new("access token in the wrong header", header(&access), false),
        new("none", Vec::new(), false),
        new(
            "invented",
            bearer("hs_api_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            false,
        ),
        new("client secret", bearer(of.client_secret()), false),
        new("client id", header(&of.account.client_id), false),
    ];
    let (revoked, expired) = invalid_tokens(vault, of);
    for token in &revoked {
        credentials.push(new("revoked", bearer(token), false));
    }
    credentials.push(new("expired", bearer(&expired), false));
    credentials.push(new("expired in its own header", header(&expired), false));
    credentials
}

/// Returns revoked tokens of both kinds and an expired one. They belong to another account of the
/// organization, since revoking affects all tokens of an account.
fn invalid_tokens(vault: &Vault, of: &Tenant) -> ([String; 2], String) {
    let account = vault.new_account(&of.organization, crate::support::new_account());
    let account = account.unwrap();
    let secret = account.client_secret.expose_secret();
    let access = log_in(vault.base_url(), &account.client_id, secret).success(200);
    let access = access["access_token"].as_str().unwrap().to_owned();
    let api = vault.new_api_token(&account, NewApiToken::default());
    let api = api.unwrap().expose_secret().to_owned();
    vault.revoke_tokens(&account).unwrap();
    vault.revoke_api_tokens(&account).unwrap();
    let past = Timestamp::now() - SignedDuration::from_secs(1);
    let token = NewApiToken::default().expires_at(past);
    let expired = vault.new_api_token(&of.account, token).unwrap();
    ([access, api], expired.expose_secret().to_owned())
}

/// Returns the expected status: the same as if the other organization did not exist.
fn expected(call: Operation<'_>, name: Name) -> u16 {
    let exists = matches!(name, Name::Ours | Name::Both);
    match (call.method, call.path.contains("{key}")) {
        ("GET", false) => 200,
        ("POST", false) if exists => 409,
        ("POST", false) => 201,
        ("POST", true) if !exists => 201,
        ("DELETE", true) if exists => 204,
        _ if exists => 200,
        _ => 404,
    }
}

struct World {
    vault: Vault,
    ours: Tenant,
    theirs: Tenant,
    /// All texts that belong to the other organization alone.
    canaries: Vec<String>,
    their_rows: Vec<StoredSecret>,
    their_keys: [Value; 2],
}

impl World {
    fn new() -> Self {
        Self::of(crate::support::builder())
    }

    fn of(vault: VaultBuilder) -> Self {
        let vault = vault.start().unwrap();
        let (ours, theirs) = (Tenant::new(&vault), Tenant::new(&vault));
        let mut canaries = theirs.reset(&["of_theirs", "of_both", "never_asked_for"], 100);
        canaries.extend(theirs.canaries());
        canaries.push("never_asked_for".to_owned());
        Self {
            canaries,
            their_rows: theirs.rows(&vault),
            their_keys: theirs.keys(),
            vault,
            ours,
            theirs,
        }
    }

    fn send(&self, credential: &Credential, call: Operation<'_>, key: &str) -> Answer {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(
            credential
                .headers
                .iter()
                .map(|(name, value)| (*name, &**value)),
        );
        let body = call.body_for(key).map(|body| body.to_string().into_bytes());
        let path = call.path_for(key);
        send(self.vault.base_url(), call.method, &path, &headers, body)
    }

    #[track_caller]
    fn check_theirs(&self, what: &str, answer: &Answer) {
        assert_eq!(self.theirs.rows(&self.vault), self.their_rows, "{what}");
        let shown = format!("{:?}{}", answer.headers, answer.body);
        for canary in &self.canaries {
            assert!(!shown.contains(canary), "{canary} in {what}: {answer:?}");
        }
    }
}

#[test]
fn no_call_with_any_credential_reaches_the_other_organization() {
    let (world, document) = (World::new(), Document::new());
    let (mut cells, before) = (0, ["of_ours", "of_both"]);
    world.ours.reset(&before, 50);
    let mut our_rows = world.ours.rows(&world.vault);
    for credential in credentials(&world.vault, &world.ours) {
        for call in document.calls() {
            for (name, key) in NAMES {
                let answer = world.send(&credential, call, key);
                let what = format!("{} {} {} {name:?}", credential.kind, call.method, call.path);
                document.check(call, &answer);
                world.check_theirs(&what, &answer);
                let status = if credential.works {
                    expected(call, name)
                } else {
                    401
                };
                assert_eq!(answer.status, status, "{what}: {answer:?}");
                let rows = world.ours.rows(&world.vault);
                let is_write = call.method != "GET" && (200..300).contains(&status);
                assert_eq!(rows != our_rows, is_write, "{what}: {answer:?}");
                if is_write {
                    world.ours.reset(&before, 50);
                    our_rows = world.ours.rows(&world.vault);
                }
                cells += 1;
            }
        }
        assert_eq!(world.theirs.keys(), world.their_keys, "{}", credential.kind);
    }
    assert_eq!(cells, 12 * 8 * 4);
}

#[test]
fn an_expired_access_token_reaches_nothing() {
    let world = World::of(crate::support::builder().token_life(Duration::ZERO));
    world.ours.reset(&["of_ours", "of_both"], 50);
    let before = world.ours.rows(&world.vault);
    let expired = Credential {
        kind: "expired access token",
        headers: vec![(
            "authorization",
            format!("Bearer {}", world.ours.access_token()),
        )],
        works: false,
    };
    for call in Document::new().calls() {
        for (_, key) in NAMES {
            let answer = world.send(&expired, call, key);
            answer.error(401);
            world.check_theirs(expired.kind, &answer);
        }
    }
    assert_eq!(world.ours.rows(&world.vault), before);
}

#[test]
fn the_list_never_contains_another_organizations_secrets() {
    let (world, document) = (World::new(), Document::new());
    world.ours.reset(&["of_ours", "of_both"], 50);
    let list = document.calls();
    let list = list
        .iter()
        .find(|call| call.path == "/api/v1/secrets" && call.method == "GET");
    for credential in credentials(&world.vault, &world.ours) {
        let answer = world.send(&credential, *list.unwrap(), "");
        if !credential.works {
            answer.error(401);
            continue;
        }
        let body = answer.success(200);
        let names = body["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| &row["key"]);
        assert_eq!(names.collect::<Vec<_>>(), ["of_both", "of_ours"]);
    }
}

#[test]
fn two_credentials_of_two_organizations_are_refused() {
    let (world, document) = (World::new(), Document::new());
    let both = |first: &Tenant, second: &Tenant| Credential {
        kind: "two",
        headers: vec![
            ("authorization", format!("Bearer {}", first.api_token)),
            ("x-aegis-token", second.api_token.clone()),
        ],
        works: false,
    };
    for credential in [
        both(&world.ours, &world.theirs),
        both(&world.theirs, &world.ours),
    ] {
        for call in document.calls() {
            for (_, key) in NAMES {
                let answer = world.send(&credential, call, key);
                answer.error(400);
                world.check_theirs("two credentials", &answer);
            }
        }
    }
    assert!(world.ours.rows(&world.vault).is_empty());
}

#[test]
fn a_token_needs_the_secret_of_its_own_client() {
    let world = World::new();
    let tenants = [&world.ours, &world.theirs];
    for (n, id) in tenants.into_iter().enumerate() {
        for (m, secret) in tenants.into_iter().enumerate() {
            let base_url = world.vault.base_url();
            let answer = log_in(base_url, &id.account.client_id, secret.client_secret());
            assert_eq!(answer.status, if n == m { 200 } else { 401 }, "{answer:?}");
        }
    }
}
