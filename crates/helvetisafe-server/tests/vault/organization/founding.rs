use helvetisafe_crypto::organization::{Chain, SigningKey};
use helvetisafe_proto::endpoint::organization::Founding;
use helvetisafe_proto::{Base64, ErrorCode, ScopeList};
use helvetisafe_server::ExposeSecret;
use serde_json::json;

use super::world::{Changes, MEMBER, Person, World, check, random};
use crate::support::{Answer, Site, send, site, throttled_site};

const PATH: &str = "/api/v1/organizations";

/// A request of a second founder, and a token for it.
pub(super) struct Second {
    pub(super) world: World,
    token: String,
}

impl Second {
    pub(super) fn new() -> Self {
        let mut world = World::new();
        world.organization = random();
        world.ada = Person::new("Grace", true);
        let token = world.vault.new_bootstrap_token().unwrap();
        let token = token.expose_secret().to_owned();
        Self { world, token }
    }

    pub(super) fn send(&self, founding: &Founding) -> Answer {
        self.world.post(PATH, &self.token, founding)
    }
}

#[test]
fn a_repeated_founding_has_the_same_answer_and_another_one_is_refused() {
    let second = Second::new();
    let founding = second.world.founding();
    for _ in 0..3 {
        let answer = second.send(&founding).success(200);
        assert_eq!(answer, json!({}));
    }
    let mut other = founding.clone();
    other.client_secret_hash = [0; 32].into();
    check(&second.send(&other), ErrorCode::InvalidBootstrap);
}

#[test]
fn a_bootstrap_token_is_needed() {
    let second = Second::new();
    let founding = second.world.founding();
    let post = |token: &str| second.world.post(PATH, token, &founding);
    for token in ["x", "hs_bootstrap_x"] {
        check(&post(token), ErrorCode::InvalidBootstrap);
    }
    let body = serde_json::to_vec(&founding).unwrap();
    let send = |headers: &[(&str, &str)]| {
        let base_url = second.world.vault.base_url();
        send(base_url, "POST", PATH, headers, Some(body.clone()))
    };
    let json = ("content-type", "application/json");
    let bearer = format!("Bearer {}", second.token);
    let (bearer, api) = (
        ("authorization", &*bearer),
        ("x-aegis-token", &*second.token),
    );
    check(&send(&[json]), ErrorCode::MissingCredential);
    check(&send(&[json, api]), ErrorCode::MissingCredential);
    check(&send(&[json, bearer, api]), ErrorCode::SeveralCredentials);
    second.send(&founding).success(200);
}

#[test]
fn ids_of_others_are_taken() {
    let mut second = Second::new();
    let first = World::of(second.world.vault);
    second.world = World {
        vault: first.vault,
        ..second.world
    };
    let organization = second.world.organization;
    second.world.organization = first.organization;
    check(&second.send(&second.world.founding()), ErrorCode::IdTaken);
    second.world.organization = organization;
    second.world.ada.account = first.ada.account;
    check(&second.send(&second.world.founding()), ErrorCode::IdTaken);
    second.world.ada.account = Person::new("", false).account;
    second.send(&second.world.founding()).success(200);
}

#[test]
fn a_malformed_founding_is_refused_and_keeps_its_token() {
    let second = Second::new();
    let founding = second.world.founding();
    let other_key = SigningKey::generate().unwrap();
    let genesis = |organization: &str, epoch, account: &str, key| {
        let public_key = second.world.ada.public_key();
        let fingerprint = second.world.org_key.fingerprint();
        let name = second.world.ada.name;
        let entry = Chain::found(
            organization,
            epoch,
            &fingerprint,
            account,
            name,
            &public_key,
            key,
        );
        Base64(entry.to_bytes())
    };
    let (id, account) = (second.world.id(), founding.account.clone());
    let key = second.world.ada.signing_key();
    let with = |change: &dyn Fn(&mut Founding)| {
        let mut founding = founding.clone();
        change(&mut founding);
        founding
    };
    let long = "x".repeat(129);
    let changes: Changes<'_, &str, Founding> = &[
        ("account", &|it| it.account = "hs_client_x".to_owned()),
        ("account", &|it| it.account = format!("{account}A")),
        ("name", &|it| it.name = String::new()),
        ("name", &|it| it.name = "a\nb".to_owned()),
        ("name", &|it| it.name = " a".to_owned()),
        ("name", &|it| it.name.clone_from(&long)),
        ("scopes", &|it| {
            it.scopes = ScopeList::parse(MEMBER).unwrap()
        }),
        ("scopes", &|it| {
            it.scopes = ScopeList::parse("a:b organization:write").unwrap()
        }),
        ("public_key", &|it| it.public_key.0[30] ^= 1),
        ("public_key", &|it| it.public_key.0.push(0)),
        ("verification_key", &|it| it.verification_key.0.push(0)),
        ("verification_key", &|it| {
            it.verification_key.0 = vec![0; 32]
        }),
        ("encrypted_org_key", &|it| {
            it.encrypted_org_key = "x".to_owned()
        }),
        ("genesis", &|it| it.genesis.0.push(0)),
        ("genesis", &|it| it.name = "Eve".to_owned()),
        ("genesis", &|it| it.genesis.0[100] ^= 1),
        ("genesis", &|it| {
            it.genesis = genesis("other", 1, &account, key)
        }),
        ("genesis", &|it| it.genesis = genesis(&id, 2, &account, key)),
        ("genesis", &|it| it.genesis = genesis(&id, 1, "other", key)),
        ("genesis", &|it| {
            it.genesis = genesis(&id, 1, &account, &other_key)
        }),
    ];
    for (member, change) in changes {
        let answer = second.send(&with(*change));
        check(&answer, ErrorCode::InvalidMember);
        assert!(answer.error(422).starts_with(*member), "{answer:?}");
    }
    let missing = second.world.post(PATH, &second.token, &json!({}));
    check(&missing, ErrorCode::InvalidBody);
    second.send(&founding).success(200);
}

/// Valid tokens are not refused for the failures of others.
#[test]
fn failed_attempts_are_limited() {
    let Site { vault, .. } = throttled_site();
    let world = World {
        vault: vault.into(),
        ..Second::new().world
    };
    let founding = world.founding();
    let guess = |path, token| world.post(path, token, &founding);
    for (path, code) in [
        (PATH, ErrorCode::InvalidBootstrap),
        ("/api/v1/join", ErrorCode::InvalidInvitation),
    ] {
        check(&guess(path, "a"), code);
        check(&guess(path, "b"), ErrorCode::TooManyFailedLogins);
    }
    let token = world.vault.new_bootstrap_token().unwrap();
    guess(PATH, token.expose_secret()).success(200);
}

#[test]
fn of_two_that_use_a_token_at_once_one_founds() {
    let second = Second::new();
    let other = second.world.founding();
    let first = second.world.founding();
    let (one, two) = std::thread::scope(|scope| {
        let other = scope.spawn(|| second.send(&other).status);
        (second.send(&first).status, other.join().unwrap())
    });
    assert_eq!([one.min(two), one.max(two)], [200, 401]);
}

/// The organization of `dev` and of the test library has no chain.
#[test]
fn an_organization_of_the_test_library_has_an_account_and_no_chain() {
    let site = site();
    let account = site.call("GET", "/api/v1/account", None).success(200);
    assert_eq!(account["has_chain"], false);
    assert_eq!(account["account"], site.account.client_id);
    assert!(account.get("name").is_none());
    let chain = site.call("GET", "/api/v1/organization/chain", None);
    assert_eq!(
        chain.success(200),
        json!({ "entries": [], "has_more": false })
    );
}
