use std::thread::sleep;
use std::time::Duration;

use helvetisafe_crypto::Envelope;
use helvetisafe_crypto::organization::InvitationSecret;
use helvetisafe_proto::endpoint::organization::NewInvitation;
use helvetisafe_proto::{Base64, ErrorCode, ScopeList};
use helvetisafe_server::{ExposeSecret, NewApiToken, Scopes};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::world::{ADMINISTRATOR, Changes, MEMBER, Person, World, check};
use crate::support::{new_account, send};

const PATH: &str = "/api/v1/organization/invitations";

#[test]
fn an_invitation_is_listed_until_it_is_withdrawn() {
    let world = World::new();
    let (bob, eve) = (
        world.invitation("Bob", MEMBER),
        world.invitation("Eve", ADMINISTRATOR),
    );
    for invited in [&eve, &bob] {
        // A repetition has the same answer.
        world.invite(invited).success(200);
        assert_eq!(world.invite(invited).success(200), json!({}));
    }
    let listed = world.invitations();
    let names: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["name"])
        .collect();
    assert_eq!(names, ["Bob", "Eve"]);
    assert_eq!(listed[0]["invited_by"], world.ada.account);
    assert!(listed[0].get("request").is_none());
    let stored: NewInvitation = serde_json::from_value(listed[0].clone()).unwrap();
    // Every administrator opens it.
    let sealed = &listed[0]["sealed"];
    let text = |name: &str| sealed[name].as_str().unwrap();
    let envelope = Envelope::decode(text("value"), text("nonce"));
    let opened = InvitationSecret::open(
        envelope.unwrap(),
        &world.org_key,
        &bob.terms.invitation,
        &stored.id.to_bytes(),
    );
    assert!(opened.is_ok());

    for _ in 0..2 {
        world.withdraw(&bob).success(200);
    }
    check(
        &world.get("/api/v1/join", &bob.token()),
        ErrorCode::InvalidInvitation,
    );
    assert_eq!(world.invitations().as_array().unwrap().len(), 1);
    // The name is free again; the id is not.
    check(&world.invite(&world_changed(&bob)), ErrorCode::IdTaken);
    world.invite(&world.invitation("Bob", MEMBER)).success(200);
}

fn world_changed(invited: &super::world::Invited) -> super::world::Invited {
    let mut body = invited.body.clone();
    body.name = "Other".to_owned();
    super::world::Invited {
        secret: InvitationSecret::from_bytes(invited.secret.expose_secret()),
        terms: invited.terms.clone(),
        body,
    }
}

#[test]
fn a_name_belongs_to_one_account_or_open_invitation() {
    let world = World::new();
    check(
        &world.invite(&world.invitation("Ada", MEMBER)),
        ErrorCode::NameTaken,
    );
    world.invite(&world.invitation("Bob", MEMBER)).success(200);
    check(
        &world.invite(&world.invitation("Bob", MEMBER)),
        ErrorCode::NameTaken,
    );
    let mut eve = Person::new("Eve", false);
    world.enroll(&mut eve);
    check(
        &world.invite(&world.invitation("Eve", MEMBER)),
        ErrorCode::NameTaken,
    );
}

#[test]
fn an_expired_invitation_is_gone_and_its_name_is_free() {
    let world = World::new();
    let short = world.invitation_for("Bob", MEMBER, SignedDuration::from_secs(2));
    world.invite(&short).success(200);
    let bob = Person::new("Bob", false);
    let body = world.join_body(&bob, &short);
    world
        .post("/api/v1/join", &short.token(), &body)
        .success(200);
    let key = world.ada.signing_key();
    let confirmation = world.confirmation(&bob, &short, &world.chain(), key);
    sleep(Duration::from_millis(2100));
    check(
        &world.get("/api/v1/join", &short.token()),
        ErrorCode::InvalidInvitation,
    );
    assert_eq!(world.invitations(), json!([]));
    check(&world.confirm(&confirmation), ErrorCode::RecordNotFound);
    let mut again = Person::new("Bob", false);
    world.enroll(&mut again);
}

#[test]
fn a_malformed_invitation_is_refused() {
    let world = World::new();
    let changes: Changes<'_, ErrorCode, NewInvitation> = &[
        (ErrorCode::InvalidMember, &|it| it.name = "\u{7}".to_owned()),
        (ErrorCode::InvalidMember, &|it| {
            it.scopes = ScopeList::parse("").unwrap()
        }),
        (ErrorCode::InvalidMember, &|it| {
            it.scopes = ScopeList::parse("a").unwrap()
        }),
        (ErrorCode::InvalidMember, &|it| {
            it.sealed.nonce = Base64(vec![0; 11])
        }),
        (ErrorCode::InvalidMember, &|it| {
            it.sealed.value = Base64(vec![0; 49])
        }),
        (ErrorCode::InvalidMember, &|it| {
            it.expires_at += SignedDuration::from_nanos(1);
        }),
        (ErrorCode::ExpiryInThePast, &|it| {
            it.expires_at = Timestamp::from_second(1).unwrap();
        }),
        (ErrorCode::KeyEpochMismatch, &|it| it.sealed.key_epoch = 2),
        (ErrorCode::KeyEpochMismatch, &|it| {
            it.sealed.key_epoch = u64::MAX
        }),
    ];
    for (code, change) in changes {
        let mut invited = world.invitation("Bob", MEMBER);
        change(&mut invited.body);
        check(&world.invite(&invited), *code);
    }
    let large = json!({ "name": "x".repeat(70_000) });
    check(
        &world.post(PATH, &world.ada.token, &large),
        ErrorCode::BodyTooLarge,
    );
    assert_eq!(world.invitations(), json!([]));
}

#[test]
fn an_unknown_or_used_invitation_cannot_be_withdrawn() {
    let world = World::new();
    let unknown = world.invitation("Bob", MEMBER);
    check(&world.withdraw(&unknown), ErrorCode::RecordNotFound);
    for id in ["x", "00", "%FF"] {
        let path = format!("{PATH}/{id}");
        let answer = world.call("DELETE", &path, &world.ada.token, None);
        check(&answer, ErrorCode::RecordNotFound);
    }
    let bob = Person::new("Bob", false);
    let invited = world.join(&bob);
    let key = world.ada.signing_key();
    let confirmation = world.confirmation(&bob, &invited, &world.chain(), key);
    world.confirm(&confirmation).success(200);
    check(&world.withdraw(&invited), ErrorCode::RecordNotFound);
}

/// The test library can make an account with these scopes, but its organization has no chain.
#[test]
fn without_a_chain_there_is_no_administration() {
    let world = World::new();
    let organization = world.vault.new_organization().unwrap();
    let scopes: Scopes = ADMINISTRATOR.parse().unwrap();
    let account = new_account().scopes(scopes);
    let account = world.vault.new_account(&organization, account).unwrap();
    let token = NewApiToken::default().scopes(scopes);
    let token = world.vault.new_api_token(&account, token).unwrap();
    let post = |path: &str, body: serde_json::Value| {
        let headers = [
            ("x-aegis-token", token.expose_secret()),
            ("content-type", "application/json"),
        ];
        let body = Some(body.to_string().into_bytes());
        send(world.vault.base_url(), "POST", path, &headers, body)
    };
    let invitation = world.invitation("Bob", MEMBER).body;
    let answer = post(PATH, serde_json::to_value(invitation).unwrap());
    check(&answer, ErrorCode::NoChain);
    let entry = Base64(world.entries()[0].to_bytes());
    let body = json!({ "account": account.client_id, "entry": entry });
    let answer = post("/api/v1/organization/members/disable", body);
    check(&answer, ErrorCode::NoChain);
}

/// No administrator could confirm it, and it would stop every rotation.
#[test]
fn an_invitation_that_the_caller_has_not_signed_is_refused() {
    let mut world = World::new();
    let unsigned = |world: &World| {
        let mut bob = world.invitation("Bob", MEMBER);
        bob.body.sealed.signature = Base64(vec![0; 64]);
        check(&world.invite(&bob), ErrorCode::InvalidMember);
    };
    unsigned(&world);
    let mut grace = Person::new("Grace", true);
    world.enroll(&mut grace);
    // Another administrator's signature.
    let bob = world.invitation("Bob", MEMBER);
    std::mem::swap(&mut world.ada, &mut grace);
    check(&world.invite(&bob), ErrorCode::InvalidMember);
    assert_eq!(world.invitations(), json!([]));
}

#[test]
fn an_invitation_expires_within_90_days() {
    let world = World::new();
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let far = world.invitation_for("Bob", MEMBER, days(91));
    check(&world.invite(&far), ErrorCode::InvalidMember);
    let near = world.invitation_for("Bob", MEMBER, days(89));
    world.invite(&near).success(200);
}

#[test]
fn the_invitations_of_a_disabled_account_are_withdrawn() {
    let mut world = World::new();
    let mut grace = Person::new("Grace", true);
    world.enroll(&mut grace);
    world.invite(&world.invitation("Bob", MEMBER)).success(200);
    std::mem::swap(&mut world.ada, &mut grace);
    let eve = Person::new("Eve", false);
    let invited = world.invitation("Eve", MEMBER);
    world.invite(&invited).success(200);
    let body = world.join_body(&eve, &invited);
    world
        .post("/api/v1/join", &invited.token(), &body)
        .success(200);
    std::mem::swap(&mut world.ada, &mut grace);
    world.disable(&world.disabling(&grace)).success(200);
    let left = world.invitations();
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!(left[0]["name"], "Bob");
    check(
        &world.get("/api/v1/join", &invited.token()),
        ErrorCode::InvalidInvitation,
    );
}

/// The code of a former member does not show what the organization does next.
#[test]
fn a_confirmed_invitation_ends_with_its_account() {
    let world = World::new();
    let bob = Person::new("Bob", false);
    let invited = world.join(&bob);
    let key = world.ada.signing_key();
    let confirmation = world.confirmation(&bob, &invited, &world.chain(), key);
    world.confirm(&confirmation).success(200);
    let terms = world.get("/api/v1/join", &invited.token()).success(200);
    assert_eq!(terms["status"], "confirmed");
    world.disable(&world.disabling(&bob)).success(200);
    for path in ["/api/v1/join", "/api/v1/join/chain?from=0"] {
        let refused = world.get(path, &invited.token());
        check(&refused, ErrorCode::InvalidInvitation);
    }
}
