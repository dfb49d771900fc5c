//! Faults of a hostile vault.

use helvetisafe_crypto::{
    EncodedLockedKey, Envelope, LockedPrivateKey, OrgKey, PrivateKey, WrappedOrgKey,
};
use helvetisafe_server::faults::{
    BAD_NAMES, BadOrgKey, BadPrivateKey, Fault, KeyName, Part, Requests, Route, Verb, Version,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::support::{Raw, Site, VALUE, site};

const OTHER: &str = "BBBBBBBBBBBBBBBBBBBBBA==";
const THIRD: &str = "CCCCCCCCCCCCCCCCCCCCCA==";

fn name(key: &str) -> KeyName {
    KeyName::parse(key).unwrap()
}

fn write(site: &Site, method: &str, path: &str, value: &str) {
    let nonce = &value[..16];
    let body = json!({ "key": "b", "value": value, "nonce": nonce });
    let answer = site.call(method, path, Some(&body));
    assert!(matches!(answer.status(), 200 | 201), "{answer:?}");
}

fn ciphertext(read: &Raw) -> (String, String) {
    let json = read.json();
    let text = |name: &str| json[name].as_str().unwrap().to_owned();
    (text("value"), text("nonce"))
}

fn both(value: &str) -> (String, String) {
    (value.to_owned(), value[..16].to_owned())
}

#[test]
fn two_secrets_are_swapped() {
    let site = site();
    site.create("a");
    write(&site, "POST", "/api/v1/secrets", OTHER);
    site.faults
        .on(Verb::Read.of("a"))
        .then(Fault::ciphertext_of(name("b")));
    site.faults
        .on(Verb::Read.of("b"))
        .then(Fault::ciphertext_of(name("a")));
    let (a, b) = (site.read("a"), site.read("b"));
    assert_eq!(
        (&a.json()["key"], ciphertext(&a)),
        (&json!("a"), both(OTHER))
    );
    assert_eq!(
        (&b.json()["key"], ciphertext(&b)),
        (&json!("b"), both(VALUE))
    );
}

#[test]
fn another_organizations_ciphertext_is_never_returned() {
    let site = site();
    site.create("a");
    let other = site.vault.new_organization().unwrap();
    let account = helvetisafe_server::NewAccount::default()
        .private_key(PrivateKey::from_pem(&site.account.private_key_pem).unwrap());
    let account = site.vault.new_account(&other, account).unwrap();
    let token = site
        .vault
        .new_api_token(&account, Default::default())
        .unwrap();
    site.faults
        .on(Route::Read)
        .then(Fault::ciphertext_of(name("a")));
    let mut wire = site.wire();
    let token = token.expose_secret();
    wire.send(&crate::support::request_as(
        token,
        "GET",
        "/api/v1/secrets/x",
        None,
    ));
    assert_eq!(wire.receive().status(), 404);
    assert_eq!(
        site.faults.log()[1].fault,
        None,
        "there was nothing to change"
    );
    assert_eq!(site.read("x").status(), 200);
}

#[test]
fn old_versions_are_replayed() {
    let site = site();
    let path = "/api/v1/secrets/b";
    write(&site, "POST", "/api/v1/secrets", VALUE);
    site.faults
        .on(Route::Read)
        .times(2)
        .then(Fault::replay(Version::Previous));
    assert_eq!(
        ciphertext(&site.read("b")),
        both(VALUE),
        "there is none yet"
    );
    write(&site, "PUT", path, OTHER);
    assert_eq!(ciphertext(&site.read("b")), both(VALUE));
    write(&site, "POST", path, THIRD);
    assert_eq!(ciphertext(&site.read("b")), both(THIRD), "the truth");
    for (version, value) in [(Version::First, VALUE), (Version::Previous, OTHER)] {
        site.faults
            .on(Route::Read)
            .once()
            .then(Fault::replay(version));
        assert_eq!(ciphertext(&site.read("b")), both(value), "{version:?}");
    }
    assert_eq!(site.call("DELETE", path, None).status(), 204);
    assert_eq!(site.read("b").status(), 404);
    site.faults
        .on(Route::Read)
        .then(Fault::replay(Version::Previous));
    assert_eq!(ciphertext(&site.read("b")), both(THIRD), "from the dead");
}

#[test]
fn one_bit_is_flipped() {
    let site = site();
    site.create("a");
    let true_one = ciphertext(&site.read("a"));
    for (part, flipped) in [
        (
            Part::Ciphertext,
            ("AQAAAAAAAAAAAAAAAAAAAA==", true_one.1.as_str()),
        ),
        (Part::Tag, ("AAAAAAAAAAAAAAAAAAAAAQ==", true_one.1.as_str())),
        (Part::Nonce, (VALUE, "AQAAAAAAAAAAAAAA")),
    ] {
        site.faults
            .on(Route::Read)
            .once()
            .then(Fault::flip_bit_of(part));
        let (value, nonce) = ciphertext(&site.read("a"));
        assert_eq!((value.as_str(), nonce.as_str()), flipped, "{part:?}");
    }
    site.faults
        .on(Route::Read)
        .then(Fault::flip_bit_of(Part::Tag));
    assert_eq!(site.read("none").status(), 404);
    assert_eq!(site.faults.log().last().unwrap().fault, None);
}

#[test]
fn a_list_can_contain_invented_names() {
    let site = site();
    site.create("a");
    site.faults
        .on(Route::List)
        .then(Fault::list_also(BAD_NAMES.iter().copied()));
    let list = site.list().json();
    let names: Vec<_> = list["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["key"])
        .collect();
    assert_eq!(names[0], "a");
    assert_eq!(names[1..], *BAD_NAMES);
    assert!(BAD_NAMES.iter().all(|bad| KeyName::parse(*bad).is_err()));
}

fn org_key(site: &Site) -> String {
    let answer = site.call("GET", "/api/v1/credentials/org-key", None);
    answer.json()["encrypted_org_key"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn unwrap(site: &Site, text: &str) -> Result<OrgKey, helvetisafe_crypto::Error> {
    let key = PrivateKey::from_pem(&site.account.private_key_pem).unwrap();
    key.unwrap_org_key(&WrappedOrgKey::decode(text)?)
}

#[test]
fn another_org_key_really_unwraps() {
    let site = site();
    let other = OrgKey::from_bytes(&[6; 32]);
    let fault = Fault::other_org_key(&site.account, &other).unwrap();
    site.faults.on(Route::OrgKey).then(fault);
    let unwrapped = unwrap(&site, &org_key(&site)).unwrap();
    assert_eq!(unwrapped.fingerprint(), other.fingerprint());
}

#[test]
fn no_bad_org_key_unwraps_and_wrong_lengths_are_correctly_wrapped() {
    let site = site();
    for bad in BadOrgKey::ALL {
        let fault = Fault::bad_org_key(&site.account, bad).unwrap();
        site.faults.on(Route::OrgKey).once().then(fault);
        let text = org_key(&site);
        assert!(unwrap(&site, &text).is_err(), "{bad:?}");
        let length = decrypt(&site, &text).map(|bytes| bytes.len());
        let expected = match bad {
            BadOrgKey::Short => Some(31),
            BadOrgKey::Long => Some(33),
            BadOrgKey::Empty => Some(0),
            _ => None,
        };
        assert_eq!(length, expected, "{bad:?}");
        let log = site.faults.log();
        assert_eq!(
            log.last().unwrap().fault,
            Some(format!("bad org key: {bad:?}"))
        );
    }
}

/// Unwraps contents of any length: RSAES-OAEP-DECRYPT, RFC 8017 section 7.1.2.
fn decrypt(site: &Site, text: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    use rsa::pkcs8::DecodePrivateKey;
    let wrapped = base64::prelude::BASE64_STANDARD.decode(text).ok()?;
    let key = rsa::PrivateKey::from_pkcs8_pem(&site.account.private_key_pem).unwrap();
    key.decrypt(rsa::Oaep::<sha2::Sha256>::new(), &wrapped).ok()
}

fn locked(site: &Site) -> EncodedLockedKey {
    let answer = site
        .call("GET", "/api/v1/credentials/private-key", None)
        .json();
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    EncodedLockedKey {
        ciphertext: text("encrypted_private_key"),
        nonce: text("nonce"),
        salt: text("salt"),
        tag: text("auth_tag"),
    }
}

/// Unlocks contents of any form: AES-256-GCM under Argon2id.
fn contents(site: &Site, locked: &EncodedLockedKey) -> Option<Vec<u8>> {
    use base64::Engine;
    let bytes = |text: &str| base64::prelude::BASE64_STANDARD.decode(text).unwrap();
    let mut key = [0; 32];
    let password = site.account.password.expose_secret().as_bytes();
    let params = argon2::Params::new(19_456, 2, 1, Some(32)).unwrap();
    let mut memory = vec![argon2::Block::default(); params.block_count()];
    argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
        .hash_password_into_with_memory(password, &bytes(&locked.salt), &mut key, &mut memory)
        .unwrap();
    let sealed = [bytes(&locked.ciphertext), bytes(&locked.tag)].concat();
    let nonce = bytes(&locked.nonce).try_into().unwrap();
    let envelope = Envelope::from_parts(nonce, sealed).unwrap();
    let opened = OrgKey::from_bytes(&key).open(envelope).ok()?;
    Some(opened.to_vec())
}

#[test]
fn no_bad_private_key_is_accepted_though_it_unlocks() {
    let site = site();
    for bad in BadPrivateKey::ALL {
        let fault = Fault::bad_private_key(&site.account, bad).unwrap();
        site.faults.on(Requests::any()).once().then(fault);
        let locked = locked(&site);
        let key = LockedPrivateKey::decode(&locked).unwrap();
        assert!(
            key.unlock(site.account.password.expose_secret()).is_err(),
            "{bad:?}"
        );
        let contents = contents(&site, &locked);
        assert_eq!(
            contents.is_none(),
            bad == BadPrivateKey::Tampered,
            "{bad:?}"
        );
        let jwk = contents.and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        let is_no_json = matches!(
            bad,
            BadPrivateKey::Tampered | BadPrivateKey::Garbage | BadPrivateKey::Deep
        );
        assert_eq!(jwk.is_none(), is_no_json, "{bad:?}");
    }
}

#[test]
fn an_unmodified_account_is_accepted() {
    let site = site();
    let key = LockedPrivateKey::decode(&locked(&site)).unwrap();
    key.unlock(site.account.password.expose_secret()).unwrap();
    unwrap(&site, &org_key(&site)).unwrap();
}
