use helvetisafe_proto::endpoint::PrivateKeyAnswer;
use helvetisafe_proto::endpoint::organization::JoinBody;
use helvetisafe_proto::{Base64, ErrorCode};
use serde_json::json;

use super::world::{ADMINISTRATOR, Changes, Invited, MEMBER, Person, World, base64url, check};
use crate::support::Answer;

const PATH: &str = "/api/v1/join";

struct Joining {
    world: World,
    bob: Person,
    invited: Invited,
}

impl Joining {
    fn new() -> Self {
        let world = World::new();
        let invited = world.invitation("Bob", MEMBER);
        world.invite(&invited).success(200);
        Self {
            world,
            bob: Person::new("Bob", false),
            invited,
        }
    }

    fn body(&self) -> JoinBody {
        self.world.join_body(&self.bob, &self.invited)
    }

    fn send(&self, body: &JoinBody) -> Answer {
        self.world.post(PATH, &self.invited.token(), body)
    }
}

#[test]
fn the_invited_person_reads_the_terms() {
    let it = Joining::new();
    let terms = || it.world.get(PATH, &it.invited.token()).success(200);
    let mut expected = json!({
        "organization": it.world.id(), "id": it.invited.body.id, "name": "Bob",
        "scopes": super::world::scopes(MEMBER), "expires_at": it.invited.body.expires_at, "status": "pending",
    });
    assert_eq!(terms(), expected);
    it.send(&it.body()).success(200);
    expected["status"] = "joined".into();
    assert_eq!(terms(), expected);
    for token in ["x", &base64url(&[0; 32]), &base64url(&[0; 31])] {
        check(&it.world.get(PATH, token), ErrorCode::InvalidInvitation);
    }
}

#[test]
fn a_repeated_request_has_the_same_answer_and_another_one_is_refused() {
    let it = Joining::new();
    let mut body = it.body();
    body.private_key = Some(PrivateKeyAnswer {
        encrypted_private_key: "AAAA".to_owned(),
        nonce: "AAAAAAAAAAAAAAAA".to_owned(),
        salt: "AAAAAAAAAAAAAAAAAAAAAA==".to_owned(),
        auth_tag: "AAAAAAAAAAAAAAAAAAAAAA==".to_owned(),
    });
    for _ in 0..2 {
        assert_eq!(it.send(&body).success(200), json!({}));
    }
    let changes: &[&dyn Fn(&mut JoinBody)] = &[
        &|it| it.client_secret_hash = [0; 32].into(),
        &|it| it.account = Person::new("", false).account,
        &|it| it.private_key = None,
    ];
    for change in changes {
        let mut other = body.clone();
        change(&mut other);
        check(&it.send(&other), ErrorCode::IdTaken);
    }
    // After a rotation the same keys come with another epoch, fingerprint and tag.
    let mut later = body.clone();
    later.epoch += 1;
    later.fingerprint = [0; 32].into();
    later.tag.0[0] ^= 1;
    it.send(&later).success(200);
    // The administrator gets what was sent first.
    let listed = &it.world.invitations()[0]["request"];
    assert_eq!(*listed, serde_json::to_value(&body).unwrap());
}

#[test]
fn a_malformed_request_is_refused() {
    let it = Joining::new();
    let changes: Changes<'_, &str, JoinBody> = &[
        ("account", &|it| it.account = "bob".to_owned()),
        ("public_key", &|it| it.public_key = Base64(vec![1])),
        ("verification_key", &|it| {
            it.verification_key = Some(Base64(vec![1]))
        }),
        ("tag", &|it| it.tag = Base64(vec![0; 31])),
        ("epoch", &|it| it.epoch = 0),
        ("epoch", &|it| it.epoch = 2),
        ("private_key", &|it| {
            let text = || "x".to_owned();
            it.private_key = Some(PrivateKeyAnswer {
                encrypted_private_key: text(),
                nonce: text(),
                salt: text(),
                auth_tag: text(),
            });
        }),
    ];
    for (member, change) in changes {
        let mut body = it.body();
        change(&mut body);
        let answer = it.send(&body);
        check(&answer, ErrorCode::InvalidMember);
        assert!(answer.error(422).starts_with(*member), "{answer:?}");
    }
    let mut taken = it.body();
    taken.account.clone_from(&it.world.ada.account);
    check(&it.send(&taken), ErrorCode::IdTaken);
    it.send(&it.body()).success(200);
}

/// Only an administrator has a verification key, and each has one.
#[test]
fn an_administrator_needs_a_verification_key() {
    let world = World::new();
    for (scopes, is_administrator) in [(ADMINISTRATOR, false), (MEMBER, true)] {
        let invited = world.invitation("Bob", scopes);
        world.invite(&invited).success(200);
        let body = world.join_body(&Person::new("Bob", is_administrator), &invited);
        let answer = world.post(PATH, &invited.token(), &body);
        check(&answer, ErrorCode::InvalidMember);
        world.withdraw(&invited).success(200);
    }
}

/// The account of a withdrawn request is removed, so it can join with another invitation.
#[test]
fn a_withdrawn_request_is_removed() {
    let it = Joining::new();
    it.send(&it.body()).success(200);
    it.world.withdraw(&it.invited).success(200);
    check(&it.send(&it.body()), ErrorCode::InvalidInvitation);
    let mut bob = it.bob;
    it.world.enroll(&mut bob);
}
