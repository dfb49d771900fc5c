//! The whole life of an organization.

use serde_json::json;

use helvetisafe_crypto::WrappedOrgKey;
use helvetisafe_proto::ErrorCode;

use super::world::{ADMINISTRATOR, MEMBER, Person, World, check, log_in, scopes};
use crate::support::{secret, send};

#[test]
fn an_organization_is_founded_grows_and_loses_a_member() {
    let world = World::new();
    let account = world.get("/api/v1/account", &world.ada.token).success(200);
    let expected = json!({
        "organization": world.id(), "key_epoch": 1, "account": world.ada.account, "name": "Ada",
        "scopes": scopes(ADMINISTRATOR), "granted": scopes(ADMINISTRATOR), "has_chain": true,
    });
    assert_eq!(account, expected);

    let mut bob = Person::new("Bob", false);
    let invited = world.join(&bob);
    let waiting = log_in(&world.vault, &bob, "");
    assert_eq!(waiting.status, 401, "he is not confirmed: {waiting:?}");
    assert_eq!(world.members().as_array().unwrap().len(), 1);
    let request = &world.invitations()[0]["request"];
    assert_eq!(request["account"], bob.account);

    let key = world.ada.signing_key();
    let confirmation = world.confirmation(&bob, &invited, &world.chain(), key);
    world.confirm(&confirmation).success(200);
    assert_eq!(world.invitations(), json!([]));
    let terms = world.get("/api/v1/join", &invited.token()).success(200);
    assert_eq!(terms["status"], "confirmed");
    let chain = world.chain();
    assert_eq!(chain.members().len(), 2);
    let member = &chain.members()[&bob.account];
    assert_eq!(member.public_key_hash, bob.public_key().hash());
    assert_eq!(member.name, "Bob");

    bob.log_in(&world.vault, "");
    let wrapped = world.get("/api/v1/credentials/org-key", &bob.token);
    let wrapped = wrapped.success(200)["encrypted_org_key"].clone();
    let wrapped = WrappedOrgKey::decode(wrapped.as_str().unwrap()).unwrap();
    let org_key = bob.private_key.unwrap_org_key(&wrapped).unwrap();
    assert_eq!(org_key.fingerprint(), *chain.fingerprint());
    world
        .post("/api/v1/secrets", &bob.token, &secret("a"))
        .success(201);
    world
        .get("/api/v1/secrets/a", &world.ada.token)
        .success(200);

    world.disable(&world.disabling(&bob)).success(200);
    for path in ["/api/v1/secrets/a", "/api/v1/credentials/org-key"] {
        check(&world.get(path, &bob.token), ErrorCode::InvalidToken);
    }
    let refused = log_in(&world.vault, &bob, "");
    assert_eq!(refused.body["error"], "invalid_client");
    assert!(!world.chain().members().contains_key(&bob.account));
    let members = world.members();
    let bob = members.as_array().unwrap().iter();
    let bob: Vec<_> = bob.filter(|member| member["name"] == "Bob").collect();
    assert_eq!(bob[0]["status"], "disabled");
    assert!(bob[0]["disabled_at"].is_string());
}

/// A person who lost a key joins again under the same name.
#[test]
fn the_name_of_a_disabled_account_is_free() {
    let world = World::new();
    let mut bob = Person::new("Bob", false);
    world.enroll(&mut bob);
    world.disable(&world.disabling(&bob)).success(200);
    let mut again = Person::new("Bob", false);
    world.enroll(&mut again);
    world.get("/api/v1/secrets", &again.token).success(200);
    assert_eq!(world.members().as_array().unwrap().len(), 3);
}

#[test]
fn a_second_administrator_administers() {
    let world = World::new();
    let mut eve = Person::new("Eve", true);
    world.enroll(&mut eve);
    assert_eq!(world.chain().administrators().len(), 2);

    let mut bob = Person::new("Bob", false);
    let invited = world.join(&bob);
    let confirmation = world.confirmation(&bob, &invited, &world.chain(), eve.signing_key());
    let path = "/api/v1/organization/members";
    // Ada did not sign it.
    check(&world.confirm(&confirmation), ErrorCode::InvalidMember);
    world.post(path, &eve.token, &confirmation).success(200);
    bob.log_in(&world.vault, MEMBER);

    // Ada leaves, and Eve is the last one.
    let entry = world.chain().disable(&world.ada.account, eve.signing_key());
    let entry = helvetisafe_proto::Base64(entry.unwrap().to_bytes());
    let body = json!({ "account": world.ada.account, "entry": entry });
    let path = "/api/v1/organization/members/disable";
    world.post(path, &eve.token, &body).success(200);
    let ada = world.get("/api/v1/account", &world.ada.token);
    check(&ada, ErrorCode::InvalidToken);
    // Whatever the entry is.
    let body = json!({ "account": eve.account, "entry": entry });
    check(
        &world.post(path, &eve.token, &body),
        ErrorCode::LastAdministrator,
    );
}

/// Administrative scopes are for those who have them and ask.
#[test]
fn administrative_scopes_are_granted_on_request_only() {
    let world = World::new();
    let granted = |person: &Person, asked: &str| {
        let answer = log_in(&world.vault, person, asked);
        answer.success(200)["scope"].as_str().unwrap().to_owned()
    };
    assert_eq!(scopes(&granted(&world.ada, "")), scopes(MEMBER));
    let both = "secrets:read organization:write";
    assert_eq!(granted(&world.ada, both), both);
    let mut bob = Person::new("Bob", false);
    world.enroll(&mut bob);
    assert_eq!(granted(&bob, both), "secrets:read");
    let answer = log_in(&world.vault, &bob, "organization:write");
    assert_eq!(answer.body["error"], "invalid_scope");

    let mut ada = Person::new("Ada", true);
    ada.token = log_in(&world.vault, &world.ada, "").success(200)["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let members = world.get("/api/v1/organization/members", &ada.token);
    check(&members, ErrorCode::MissingScope);
}

/// The next answer of the other node has the effect of each call.
#[test]
fn a_disabled_account_is_refused_by_all_nodes_at_once() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let node = || {
        let database = server.url().parse().unwrap();
        helvetisafe_server::Vault::builder().database(database)
    };
    let (world, other) = (World::of(node().start().unwrap()), node().start().unwrap());
    let mut bob = Person::new("Bob", false);
    world.enroll(&mut bob);
    let bearer = format!("Bearer {}", bob.token);
    let ask = || {
        let headers = [("authorization", bearer.as_str())];
        send(other.base_url(), "GET", "/api/v1/account", &headers, None)
    };
    ask().success(200);
    world.disable(&world.disabling(&bob)).success(200);
    check(&ask(), ErrorCode::InvalidToken);
}
