//! The replacement of the org key.

use std::time::Duration;

use helvetisafe_crypto::organization::Event;
use helvetisafe_crypto::{OrgKey, WrappedOrgKey};
use helvetisafe_proto::endpoint::organization::{
    Commitment, ResealedInvitation, SealedInvitation, Wrap,
};
use helvetisafe_proto::{Base64, ErrorCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::world::{Invited, MEMBER, Person, World, check, random};
use crate::support::{Answer, NONCE, VALUE, builder, secret, site, update};

const ROTATIONS: &str = "/api/v1/organization/rotations";
/// The value that a rotation seals.
const NEW: &str = "AQEBAQEBAQEBAQEBAQEBAQ==";

/// A rotation as its administrator knows it.
struct Rotation {
    id: String,
    key: OrgKey,
}

impl Rotation {
    fn new() -> Self {
        Self {
            id: helvetisafe_proto::Hex::from(random::<8>()).to_string(),
            key: OrgKey::generate().unwrap(),
        }
    }

    fn path(&self, part: &str) -> String {
        format!("{ROTATIONS}/{}{part}", self.id)
    }

    fn begin(&self, world: &World, token: &str) -> Answer {
        let body = json!({ "id": self.id, "to_epoch": 2 });
        world.call("POST", ROTATIONS, token, Some(body))
    }

    fn unstaged(&self, world: &World) -> Value {
        let path = self.path("/secrets?limit=100");
        world.get(&path, &world.ada.token).success(200)
    }

    fn stage(&self, world: &World, secrets: &Value) -> Answer {
        let body = json!({ "secrets": secrets });
        world.call("PUT", &self.path("/secrets"), &world.ada.token, Some(body))
    }

    fn stage_all(&self, world: &World) {
        let unstaged = self.unstaged(world);
        let secrets = unstaged["secrets"].as_array().unwrap().iter();
        let staged: Value = secrets.map(staged).collect();
        self.stage(world, &staged).success(200);
        assert_eq!(self.unstaged(world), json!({ "secrets": [], "count": 0 }));
    }

    /// Returns a commit with keys for these members, and Ada.
    fn commitment(&self, world: &World, members: &[&Person], open: &[&Invited]) -> Commitment {
        let key = world.ada.signing_key();
        let entry = world.chain().rotate(&self.key.fingerprint(), key).unwrap();
        let wraps = [&world.ada].into_iter().chain(members.iter().copied());
        Commitment {
            entry: Base64(entry.to_bytes()),
            wraps: wraps
                .map(|person| Wrap {
                    account: person.account.clone(),
                    encrypted_org_key: person.wrap(&self.key),
                })
                .collect(),
            invitations: open.iter().map(|it| self.reseal(world, it)).collect(),
        }
    }

    fn reseal(&self, world: &World, invited: &Invited) -> ResealedInvitation {
        let mut terms = invited.terms.invitation.clone();
        terms.epoch = 2;
        let sealed = invited.secret.seal(&self.key, &terms).unwrap();
        let signed = terms.sign(&invited.secret.id(), world.ada.signing_key());
        let base64 = |text: &str| serde_json::from_value(Value::from(text)).unwrap();
        ResealedInvitation {
            id: invited.body.id,
            sealed: SealedInvitation {
                key_epoch: 2,
                nonce: base64(&sealed.encode_nonce()),
                value: base64(&sealed.encode_value()),
                signature: Base64(signed.signature.to_vec()),
            },
        }
    }

    fn commit(&self, world: &World, commitment: &Commitment) -> Answer {
        world.post(&self.path("/commit"), &world.ada.token, commitment)
    }
}

/// Returns an unstaged secret, sealed under the new key.
fn staged(unstaged: &Value) -> Value {
    json!({
        "key": unstaged["key"], "based_on": unstaged["version"], "value": NEW, "nonce": NONCE,
    })
}

fn create(world: &World, key: &str) {
    let created = world.post("/api/v1/secrets", &world.ada.token, &secret(key));
    created.success(201);
}

fn read(world: &World, key: &str, token: &str) -> (Value, Value) {
    let mut record = world
        .get(&format!("/api/v1/secrets/{key}"), token)
        .success(200);
    (record["value"].take(), record["key_epoch"].take())
}

#[test]
fn every_member_sees_the_new_epoch_with_the_next_request() {
    let world = World::new();
    let mut bob = Person::new("Bob", false);
    world.enroll(&mut bob);
    let zoe = world.invitation("Zoe", MEMBER);
    world.invite(&zoe).success(200);
    for key in ["a", "b"] {
        create(&world, key);
    }
    let list = || world.get("/api/v1/secrets", &bob.token).success(200);
    let before = list();
    let rotation = Rotation::new();
    let begun = rotation.begin(&world, &world.ada.token).success(200);
    assert_eq!(begun["started_by"], world.ada.account.as_str());
    let present = world.get(ROTATIONS, &world.ada.token).success(200);
    assert_eq!(present, json!({ "rotation": begun }));
    let unstaged = rotation.unstaged(&world);
    assert_eq!(unstaged["count"], 2);
    assert_eq!(unstaged["secrets"][0]["value"], VALUE);
    rotation.stage_all(&world);
    assert_eq!(read(&world, "a", &bob.token), (VALUE.into(), 1.into()));
    assert_eq!(list(), before);

    let commitment = rotation.commitment(&world, &[&bob], &[&zoe]);
    for _ in 0..2 {
        let committed = rotation.commit(&world, &commitment).success(200);
        assert_eq!(committed, json!({ "key_epoch": 2 }));
    }
    assert_eq!(read(&world, "a", &bob.token), (NEW.into(), 2.into()));
    let after = list();
    let names = |list: &Value| {
        let keys = list["keys"].as_array().unwrap().iter();
        keys.map(|it| (it["key"].clone(), it["created_at"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&after), names(&before));
    assert_ne!(after, before, "the versions are new");
    let answer = world.get("/api/v1/credentials/org-key", &bob.token);
    let answer = answer.success(200);
    assert_eq!(answer["key_epoch"], 2);
    let wrapped = WrappedOrgKey::decode(answer["encrypted_org_key"].as_str().unwrap());
    let opened = bob.private_key.unwrap_org_key(&wrapped.unwrap()).unwrap();
    assert_eq!(opened.fingerprint(), rotation.key.fingerprint());
    assert_eq!(*world.chain().fingerprint(), opened.fingerprint());
    assert_eq!(world.chain().epoch(), 2);
    let sealed = &world.invitations()[0]["sealed"];
    assert_eq!(*sealed, json!(commitment.invitations[0].sealed));
    let account = world.get("/api/v1/account", &bob.token).success(200);
    assert_eq!(account["key_epoch"], 2);
    let none = world.get(ROTATIONS, &world.ada.token).success(200);
    assert_eq!(none, json!({}));
}

/// The writes wait for the commit, and then are as any other; reads do not wait.
#[test]
fn writes_that_a_rotation_holds_go_on_after_its_commit() {
    let world = World::new();
    create(&world, "a");
    create(&world, "b");
    let rotation = Rotation::new();
    rotation.begin(&world, &world.ada.token).success(200);
    let body = json!({ "secrets": [], "hold_writes": true });
    let path = rotation.path("/secrets");
    let held = world.call("PUT", &path, &world.ada.token, Some(body));
    held.success(200);
    let call = |method, path, body| world.call(method, path, &world.ada.token, body);
    std::thread::scope(|scope| {
        let update = scope.spawn(|| call("PUT", "/api/v1/secrets/a", Some(update())));
        let create = scope.spawn(|| call("POST", "/api/v1/secrets", Some(secret("c"))));
        std::thread::sleep(Duration::from_millis(300));
        assert!(!update.is_finished() && !create.is_finished());
        let (value, _) = read(&world, "b", &world.ada.token);
        assert_eq!(value, VALUE);
        rotation.stage_all(&world);
        let commitment = rotation.commitment(&world, &[], &[]);
        rotation.commit(&world, &commitment).success(200);
        check(&update.join().unwrap(), ErrorCode::KeyEpochMismatch);
        check(&create.join().unwrap(), ErrorCode::KeyEpochMismatch);
    });
    assert_eq!(read(&world, "a", &world.ada.token), (NEW.into(), 2.into()));
}

/// A client that still has the old org key would store what others cannot open.
#[test]
fn after_a_rotation_a_write_names_its_epoch() {
    for accepts in [false, true] {
        let vault = builder().accept_writes_without_epoch(accepts).start();
        let world = World::of(vault.unwrap());
        create(&world, "a");
        let rotation = Rotation::new();
        rotation.begin(&world, &world.ada.token).success(200);
        rotation.stage_all(&world);
        let commitment = rotation.commitment(&world, &[], &[]);
        rotation.commit(&world, &commitment).success(200);
        let put = |epoch: Option<u64>| {
            let mut body = update();
            if let Some(epoch) = epoch {
                body["keyEpoch"] = epoch.into();
            }
            ["PUT", "POST"].map(|method| {
                let body = Some(body.clone());
                world.call(method, "/api/v1/secrets/a", &world.ada.token, body)
            })
        };
        for answer in put(Some(1)) {
            check(&answer, ErrorCode::KeyEpochMismatch);
        }
        for answer in put(None) {
            match accepts {
                true => assert_eq!(answer.success(200)["key_epoch"], 2),
                false => check(&answer, ErrorCode::KeyEpochMismatch),
            }
        }
        for answer in put(Some(2)) {
            assert_eq!(answer.success(200)["key_epoch"], 2);
        }
        let mut new = secret("b");
        let create = |body: &Value| world.post("/api/v1/secrets", &world.ada.token, body);
        assert_eq!(create(&new).status == 412, !accepts);
        new["key"] = "c".into();
        new["keyEpoch"] = 2.into();
        assert_eq!(create(&new).success(201)["key_epoch"], 2);
    }
}

#[test]
fn a_commit_that_does_not_fit_changes_nothing() {
    let world = World::new();
    let mut bob = Person::new("Bob", false);
    world.enroll(&mut bob);
    create(&world, "a");
    let rotation = Rotation::new();
    rotation.begin(&world, &world.ada.token).success(200);
    let commitment = |members: &[&Person]| rotation.commitment(&world, members, &[]);
    let commit = |commitment: &Commitment| rotation.commit(&world, commitment);
    check(&commit(&commitment(&[&bob])), ErrorCode::SecretsUnstaged);
    rotation.stage_all(&world);
    check(&commit(&commitment(&[])), ErrorCode::MembersChanged);
    let eve = Person::new("Eve", false);
    let for_eve = commitment(&[&bob, &eve]);
    check(&commit(&for_eve), ErrorCode::MembersChanged);
    let good = commitment(&[&bob]);
    let with = |change: &dyn Fn(&mut Commitment)| {
        let mut changed = good.clone();
        change(&mut changed);
        commit(&changed)
    };
    let disabling = world.chain().disable(&bob.account, world.ada.signing_key());
    let disabling = Base64(disabling.unwrap().to_bytes());
    let again = good.wraps[0].clone();
    let changes: [&dyn Fn(&mut Commitment); 5] = [
        &|it| it.entry.0[200] ^= 1,
        &|it| it.entry = Base64(vec![1]),
        &|it| it.entry = disabling.clone(),
        &|it| it.wraps.push(again.clone()),
        &|it| it.wraps[0].encrypted_org_key = "x".to_owned(),
    ];
    for change in changes {
        check(&with(change), ErrorCode::InvalidMember);
    }
    let zoe = world.invitation("Zoe", MEMBER);
    world.invite(&zoe).success(200);
    check(&commit(&good), ErrorCode::MembersChanged);
    world.withdraw(&zoe).success(200);
    world.disable(&world.disabling(&bob)).success(200);
    check(&commit(&good), ErrorCode::ChainMoved);
    check(&commit(&commitment(&[&bob])), ErrorCode::MembersChanged);
    let body = json!({ "value": NEW, "nonce": NONCE });
    let updated = world.call("PUT", "/api/v1/secrets/a", &world.ada.token, Some(body));
    updated.success(200);
    check(&commit(&commitment(&[])), ErrorCode::SecretsUnstaged);
    assert_eq!(read(&world, "a", &world.ada.token), (NEW.into(), 1.into()));
    assert!(
        !world
            .entries()
            .iter()
            .any(|it| matches!(it.event(), Event::Rotation { .. }))
    );
    rotation.stage_all(&world);
    commit(&commitment(&[])).success(200);
}

#[test]
fn two_administrators_rotate_one_after_the_other() {
    let vault = builder().rotation_lease(Duration::from_secs(2)).start();
    let world = World::of(vault.unwrap());
    let mut bob = Person::new("Bob", true);
    world.enroll(&mut bob);
    create(&world, "a");
    let (first, second) = (Rotation::new(), Rotation::new());
    let begun = first.begin(&world, &world.ada.token).success(200);
    check(
        &second.begin(&world, &bob.token),
        ErrorCode::RotationInProgress,
    );
    check(
        &first.begin(&world, &bob.token),
        ErrorCode::RotationInProgress,
    );
    check(
        &second.begin(&world, &world.ada.token),
        ErrorCode::RotationInProgress,
    );
    let again = first.begin(&world, &world.ada.token).success(200);
    assert_eq!(again["created_at"], begun["created_at"]);
    let body = json!({ "secrets": [] });
    let staged = world.call("PUT", &first.path("/secrets"), &bob.token, Some(body));
    check(&staged, ErrorCode::RotationInProgress);
    first.stage_all(&world);
    std::thread::sleep(Duration::from_millis(2100));
    // The lease has ended, and Bob has another key.
    let begun = second.begin(&world, &bob.token).success(200);
    assert_eq!(begun["started_by"], bob.account.as_str());
    assert_eq!(second.unstaged(&world)["count"], 1);
    check(&first.stage(&world, &json!([])), ErrorCode::RecordNotFound);
    let commitment = first.commitment(&world, &[&bob], &[]);
    check(
        &first.commit(&world, &commitment),
        ErrorCode::RecordNotFound,
    );
    assert_eq!(read(&world, "a", &bob.token), (VALUE.into(), 1.into()));

    let abandon =
        |rotation: &Rotation| world.call("DELETE", &rotation.path(""), &world.ada.token, None);
    for _ in 0..2 {
        abandon(&second).success(200);
    }
    check(&abandon(&first), ErrorCode::RecordNotFound);
    check(&second.begin(&world, &bob.token), ErrorCode::IdTaken);
    let third = Rotation::new();
    third.begin(&world, &world.ada.token).success(200);
    third.stage_all(&world);
    let commitment = third.commitment(&world, &[&bob], &[]);
    third.commit(&world, &commitment).success(200);
    assert_eq!(read(&world, "a", &bob.token), (NEW.into(), 2.into()));
    check(
        &Rotation::new().begin(&world, &bob.token),
        ErrorCode::KeyEpochMismatch,
    );
}

#[test]
fn a_malformed_request_is_refused() {
    let world = World::new();
    create(&world, "a");
    let rotation = Rotation::new();
    let begun = rotation.begin(&world, &world.ada.token).success(200);
    let until: Timestamp = begun["lease_until"].as_str().unwrap().parse().unwrap();
    assert!(until > Timestamp::now() + Duration::from_secs(240));
    let good = staged(&rotation.unstaged(&world)["secrets"][0]);
    let with = |name: &str, value: &str| {
        let mut changed = good.clone();
        changed[name] = value.into();
        rotation.stage(&world, &json!([changed]))
    };
    check(&with("based_on", "x"), ErrorCode::InvalidMember);
    check(&with("value", "x"), ErrorCode::InvalidValue);
    check(&with("nonce", "x"), ErrorCode::InvalidNonce);
    check(&with("key", "a b"), ErrorCode::InvalidBody);
    check(
        &rotation.stage(&world, &json!([good, good])),
        ErrorCode::InvalidMember,
    );
    for limit in ["0", "x", "1&limit=1"] {
        let path = rotation.path(&format!("/secrets?limit={limit}"));
        check(&world.get(&path, &world.ada.token), ErrorCode::InvalidQuery);
    }
    let other = Rotation::new();
    let path = other.path("/secrets?limit=1");
    check(
        &world.get(&path, &world.ada.token),
        ErrorCode::RecordNotFound,
    );
    check(
        &other.stage(&world, &json!([good])),
        ErrorCode::RecordNotFound,
    );
    let commitment = other.commitment(&world, &[], &[]);
    check(
        &other.commit(&world, &commitment),
        ErrorCode::RecordNotFound,
    );
    // Those of another organization.
    let elsewhere = world.beside();
    check(
        &rotation.stage(&elsewhere, &json!([good])),
        ErrorCode::RecordNotFound,
    );
    assert_eq!(rotation.unstaged(&world)["count"], 1);
}

#[test]
fn a_rotation_needs_a_chain_and_its_scope() {
    let site = site();
    let world = World::new();
    let mut bob = Person::new("Bob", false);
    world.enroll(&mut bob);
    let rotation = Rotation::new();
    check(&rotation.begin(&world, &bob.token), ErrorCode::MissingScope);
    check(&world.get(ROTATIONS, &bob.token), ErrorCode::MissingScope);
    let body = json!({ "id": rotation.id, "to_epoch": 2 });
    let administrator = crate::administration::Administrator::new(&site);
    check(
        &administrator.call("POST", ROTATIONS, Some(body)),
        ErrorCode::NoChain,
    );
}

/// A stolen token could otherwise replace what its administrator has staged, or read every ciphertext.
#[test]
fn an_api_token_can_take_no_part_in_a_rotation() {
    let mut world = World::new();
    let rotation = Rotation::new();
    rotation.begin(&world, &world.ada.token).success(200);
    let token = helvetisafe_proto::Hex::from(random::<32>()).to_string();
    let hash: [u8; 32] = Sha256::digest(&token).into();
    let body = json!({
        "hash": helvetisafe_proto::Hex::from(hash), "name": "ci", "scopes": "secrets:read organization:write",
    });
    let all = "secrets:read organization:write tokens:write";
    let login = super::world::log_in(&world.vault, &world.ada, all).success(200);
    let login = login["access_token"].as_str().unwrap();
    world
        .call("POST", "/api/v1/account/tokens", login, Some(body))
        .success(200);
    let commitment = rotation.commitment(&world, &[], &[]);
    world.ada.token = token;
    let no_secrets = json!([]);
    for answer in [
        rotation.begin(&world, &world.ada.token),
        rotation.stage(&world, &no_secrets),
        world.get(&rotation.path("/secrets"), &world.ada.token),
        rotation.commit(&world, &commitment),
        world.call("DELETE", &rotation.path(""), &world.ada.token, None),
    ] {
        assert!(answer.error(403).contains("an API token cannot do this"));
    }
}

#[test]
fn the_secrets_of_a_rotation_need_the_scope_to_read() {
    let world = World::new();
    let rotation = Rotation::new();
    rotation.begin(&world, &world.ada.token).success(200);
    let login = super::world::log_in(&world.vault, &world.ada, "organization:write").success(200);
    let token = login["access_token"].as_str().unwrap();
    let refused = world.get(&rotation.path("/secrets"), token);
    assert_eq!(refused.error(403), "missing scope: secrets:read");
}
