//! «Org key not 32 bytes, modulus under 2048 or over 8192 bits, p·q ≠ n, e even or huge, private key
//! that does not invert»: refused before use, quickly, with one error.

use std::time::Duration;

use helvetisafe::{ClientBuilder, Error, ErrorKind};
use helvetisafe_server::faults::{BadOrgKey, BadPrivateKey, Fault, Route};

use crate::cost::cost;
use crate::world::World;

/// The documented bound: 100 ms of processor time.
const QUICKLY: Duration = Duration::from_millis(100);

/// Connects, which has to fail, at most this much slower than with a good credential.
fn refused(builder: ClientBuilder, good: Duration, what: &str) -> Error {
    let (outcome, time) = cost(|| builder.connect());
    let error = outcome
        .err()
        .unwrap_or_else(|| panic!("{what} was accepted"));
    assert_eq!(error.kind(), ErrorKind::Crypto, "{what}: {error}");
    assert!(
        time < good + QUICKLY,
        "{what}: {time:?}, a good one {good:?}"
    );
    error
}

/// The highest of three costs of a good credential.
fn good(connect: impl Fn() -> ClientBuilder) -> Duration {
    let costs = (0..3).map(|_| cost(|| connect().connect().unwrap()).1);
    costs.max().unwrap()
}

#[test]
fn a_bad_org_key_is_refused_quickly_with_one_error() {
    let world = World::new();
    let good = good(|| world.builder());
    let mut texts = Vec::new();
    for bad in BadOrgKey::ALL {
        world.faults.clear();
        let asked = world.faults.count(Route::OrgKey);
        let fault = Fault::bad_org_key(&world.account, bad).unwrap();
        world.faults.on(Route::OrgKey).then(fault);
        let error = refused(world.builder(), good, &format!("{bad:?}"));
        assert_eq!(
            world.faults.count(Route::OrgKey),
            asked + 1,
            "{bad:?}: asked once"
        );
        let is_not_even_base64 = matches!(bad, BadOrgKey::BrokenBase64 | BadOrgKey::Unpadded);
        if !is_not_even_base64 {
            texts.push(error.to_string());
        }
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
}

#[test]
fn a_bad_private_key_is_refused_quickly_with_one_error() {
    let world = World::new();
    let good = good(|| world.password_builder());
    let mut texts = Vec::new();
    for bad in BadPrivateKey::ALL {
        world.faults.clear();
        let asked = world.faults.count(Route::PrivateKey);
        let fault = Fault::bad_private_key(&world.account, bad).unwrap();
        world.faults.on(Route::PrivateKey).then(fault);
        let error = refused(world.password_builder(), good, &format!("{bad:?}"));
        assert_eq!(
            world.faults.count(Route::PrivateKey),
            asked + 1,
            "{bad:?}: asked once"
        );
        texts.push(error.to_string());
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
}

/// Both keys are fetched at the same time, and a bad private key unwraps nothing.
#[test]
fn a_bad_private_key_fails_before_the_org_key_is_unwrapped() {
    let world = World::new();
    let fault = Fault::bad_private_key(&world.account, BadPrivateKey::OtherProduct).unwrap();
    world.faults.on(Route::PrivateKey).then(fault);
    let error = world.password_builder().connect().unwrap_err();
    assert!(error.to_string().contains("private key"), "{error}");
    assert_eq!(world.faults.count(Route::OrgKey), 1);
}

#[test]
fn a_wrong_password_is_the_same_error_and_not_shown() {
    let world = World::new();
    let fault = Fault::bad_private_key(&world.account, BadPrivateKey::Tampered).unwrap();
    let wrong = helvetisafe::KeySource::password("canary");
    let secret = secrecy::ExposeSecret::expose_secret(&world.account.client_secret);
    let id = world.account.client_id.as_str();
    let credentials = helvetisafe::Credentials::service_account(id, secret);
    let wrong = helvetisafe::Client::builder(world.vault.base_url(), credentials, wrong);
    let wrong = wrong.connect().unwrap_err();
    world.faults.on(Route::PrivateKey).then(fault);
    let tampered = world.password_builder().connect().unwrap_err();
    assert_eq!(wrong.to_string(), tampered.to_string());
    assert!(!format!("{wrong:?}").contains("canary"));
}
