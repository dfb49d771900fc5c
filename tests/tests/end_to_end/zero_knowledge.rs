//! No value, password, private key or org key is in any byte of the database or of the traffic.

#[cfg(unix)]
mod postgres;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use helvetisafe::{Client, ErrorKind, Expiry};
use helvetisafe_crypto::Payload;
use helvetisafe_server::{NewAccount, Vault};
use helvetisafe_test_support::Search;
use helvetisafe_tests::proxy::RecordingProxy;
use helvetisafe_tests::{COMBINATIONS, Member, World, raw, test_key};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

const KEY: &str = "the_name_of_a_secret_is_public";
const VALUE: &str = "canary-value-IeSh7xohtee9ahB2aeJ4Bo0uQuai6aeveiGh1Ohphieth3Ee";
const UPDATED: &str = "canary-update-ahY8shoo4ingiePh1eeg9eir4Ou6weiJOoqu3zae8Soh5ai";
const FIELD: &str = "canary-field-Ohs5peiqu2ut4eiR7ahze6eeP8iephaeth9Vahm1aiK3oogh";
const LOST: &str = "canary-lost-Quo8aiV2ohdae6ahYeeng7shahR5ohw1ooKoh3oPh9aebai2ie";
const PASSWORD: &str = "canary-password-thoh4Xai9oghoo3Aewa2neiS6rie1phoochee8iSh5ei";

/// A vault, a member with a searchable password, and the recorded traffic.
struct Scene {
    world: World,
    member: Member,
    proxy: RecordingProxy,
}

/// Uses a vault with a file in this folder.
fn scene(folder: &Path) -> Scene {
    let world = World::of(Vault::builder().state(folder.join("vault.db")));
    let address = world.vault.address();
    play(world, address)
}

/// Uses the world's vault, or another one of the same database, at this address.
fn play(world: World, address: SocketAddr) -> Scene {
    let account = NewAccount::default()
        .private_key(test_key())
        .password(PASSWORD);
    let member = Member::new(&world.vault, &world.organization, account);
    let proxy = RecordingProxy::start(address);
    for (number, combination) in COMBINATIONS.into_iter().enumerate() {
        let builder = member.builder(&proxy.base_url(), combination);
        use_everything(&builder.connect().unwrap(), &format!("{KEY}_{number}"));
    }
    let fields = Payload::encode_fields(&[("user", FIELD), ("password", FIELD)]);
    raw::create(&proxy.base_url(), &member, "fields", &fields);
    let read = member.client(&proxy.base_url()).secrets().get("fields");
    assert!(read.unwrap().expose_secret().contains(FIELD));
    Scene {
        world,
        member,
        proxy,
    }
}

fn use_everything(client: &Client, key: &str) {
    let secrets = client.secrets();
    secrets.create(key, VALUE, None).unwrap();
    let conflict = secrets.create(key, LOST, None).unwrap_err();
    assert_eq!(conflict.kind(), ErrorKind::Conflict);
    assert_eq!(secrets.get(key).unwrap().expose_secret(), VALUE);
    secrets.update(key, UPDATED, Expiry::Keep).unwrap();
    assert_eq!(secrets.get(key).unwrap().expose_secret(), UPDATED);
    secrets.put(format!("{key}_put"), VALUE, None).unwrap();
    secrets.delete(format!("{key}_put")).unwrap();
    let missing = secrets.update(format!("{key}_put"), LOST, Expiry::Keep);
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
    secrets.list().unwrap();
}

/// Every key, password and value.
fn secrets_of(scene: &Scene) -> Search {
    let org_key = raw::org_key(scene.world.vault.base_url(), &scene.member);
    let search = Search::default()
        .with("the value", VALUE.as_bytes())
        .with("the value after an update", UPDATED.as_bytes())
        .with("the field", FIELD.as_bytes())
        .with("the value that was refused", LOST.as_bytes())
        .with("the password", PASSWORD.as_bytes())
        .with("the org key", org_key.expose_secret());
    // As text too: text is encoded again on the wire. The first lines of the PEM hold the modulus, which
    // is public.
    let pem = scene.member.account.private_key_pem.lines().skip(8);
    let search = pem
        .filter(|line| line.len() == 64)
        .fold(search, |search, line| {
            search.with("the PEM", line.as_bytes())
        });
    let jwk = include_str!("../../../crates/helvetisafe-crypto/tests/data/rsa-2048.jwk.json");
    let jwk: serde_json::Value = serde_json::from_str(jwk).unwrap();
    ["d", "p", "q", "dp", "dq", "qi"]
        .into_iter()
        .fold(search, |search, name| {
            let text = jwk[name].as_str().unwrap();
            let number = BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
            search
                .with(&format!("{name} of the private key"), &number)
                .with(&format!("{name} of the JWK"), text.as_bytes())
        })
}

/// The public name and the ciphertext, which have to be found: this proves that the search reaches the
/// bytes.
fn public_of(scene: &Scene) -> Search {
    let stored = scene.world.vault.stored_secrets(&scene.world.organization);
    let stored = stored
        .unwrap()
        .into_iter()
        .find(|secret| secret.key == "fields");
    let ciphertext = BASE64_STANDARD.decode(stored.unwrap().value).unwrap();
    Search::default()
        .with("the name", KEY.as_bytes())
        .with("the ciphertext", &ciphertext)
}

/// Every byte of every file in the folder.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        (path.display().to_string(), fs::read(&path).unwrap())
    });
    files.collect()
}

fn all(parts: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    // Separate, so that nothing is found across the border of two parts.
    parts.into_iter().collect::<Vec<_>>().join(&[0xff; 8][..])
}

fn everything_said(proxy: &RecordingProxy) -> Vec<u8> {
    let connections = proxy.connections().into_iter();
    all(connections.flat_map(|connection| [connection.to_vault, connection.from_vault]))
}

/// The client secret, the API token and all access tokens.
fn texts_of_credentials(scene: &Scene) -> Vec<(&'static str, String)> {
    let traffic = everything_said(&scene.proxy);
    let traffic = String::from_utf8_lossy(&traffic);
    let answers = traffic.split(r#""access_token":""#).skip(1);
    let tokens = answers.map(|answer| answer.split('"').next().unwrap());
    let client_secret = scene.member.account.client_secret.expose_secret();
    let api_token = scene.member.api_token.expose_secret();
    [
        ("the client secret", client_secret),
        ("the API token", api_token),
    ]
    .into_iter()
    .chain(tokens.map(|token| ("the access token", token)))
    .map(|(name, text)| (name, text.to_owned()))
    .collect()
}

fn credentials_of(scene: &Scene) -> Search {
    let texts = texts_of_credentials(scene).into_iter();
    texts.fold(Search::default(), |search, (name, text)| {
        // Without the common prefix of their kind, such as `hs_api_`.
        let random = text.splitn(3, '_').nth(2).unwrap();
        search.with(name, random.as_bytes())
    })
}

#[test]
fn the_traffic_contains_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene(folder.path());
    let traffic = everything_said(&scene.proxy);

    let public = public_of(&scene);
    let found = public.find(&traffic);
    for reached in ["the ciphertext, in base64", "the name, as it is"] {
        assert!(found.contains(reached), "{found:?}");
    }
    assert_eq!(secrets_of(&scene).find(&traffic), [].into());
}

#[test]
fn the_database_contains_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene(folder.path());
    let (secrets, public) = (secrets_of(&scene), public_of(&scene));

    let running = files(folder.path());
    let names: Vec<_> = running.iter().map(|(path, _)| path.as_str()).collect();
    for ending in ["vault.db", "vault.db-wal", "vault.db-shm"] {
        assert!(names.iter().any(|name| name.ends_with(ending)), "{names:?}");
    }
    scene.world.vault.stop().unwrap();
    let stopped = files(folder.path());

    for state in [running, stopped] {
        let bytes = all(state.iter().map(|(_, bytes)| bytes.clone()));
        let found = public.find(&bytes);
        for reached in ["the ciphertext, in base64", "the name, as it is"] {
            assert!(found.contains(reached), "{found:?}");
        }
        for (path, bytes) in &state {
            assert_eq!(secrets.find(bytes), [].into(), "{path}");
        }
    }
}

/// The credentials are sent, protected by TLS, but the vault stores only their hashes.
#[test]
fn the_database_has_no_client_secret_and_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene(folder.path());
    let (traffic, credentials) = (everything_said(&scene.proxy), credentials_of(&scene));
    let travelled = credentials.find(&traffic).into_iter().collect::<Vec<_>>();
    assert_eq!(
        travelled,
        [
            "the API token, as it is",
            "the access token, as it is",
            "the client secret, as it is"
        ]
    );

    let hashes = texts_of_credentials(&scene)
        .into_iter()
        .map(|(_, text)| text)
        .map(Sha256::digest)
        .fold(Search::default(), |search, hash| {
            search.with("a hash", &hash)
        });
    let running = files(folder.path());
    let all_bytes = all(running.iter().map(|(_, bytes)| bytes.clone()));
    assert!(hashes.find(&all_bytes).contains("a hash, as it is"));
    scene.world.vault.stop().unwrap();
    for (path, bytes) in running.into_iter().chain(files(folder.path())) {
        assert_eq!(credentials.find(&bytes), [].into(), "{path}");
    }
}

/// Two envelopes of one value have nothing in common, so equality is not visible.
#[test]
fn equal_values_are_stored_differently() {
    let world = World::new();
    let client = world.client();
    for key in ["a", "b"] {
        client.secrets().create(key, VALUE, None).unwrap();
    }
    let stored = world.vault.stored_secrets(&world.organization).unwrap();
    let ciphertext = BASE64_STANDARD.decode(&stored[0].value).unwrap();
    let other = BASE64_STANDARD.decode(&stored[1].value).unwrap();
    assert_eq!(
        Search::default().with("a", &ciphertext).find(&other),
        [].into()
    );
    assert_ne!(stored[0].nonce, stored[1].nonce);
}
