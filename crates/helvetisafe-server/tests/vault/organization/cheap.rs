//! Requests that are refused before anything that takes long.

use helvetisafe_crypto::OrgKey;
use helvetisafe_proto::endpoint::organization::Confirmation;
use helvetisafe_proto::{Base64, ErrorCode};
use helvetisafe_server::Vault;
use rusqlite::Connection;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::world::{Person, World, check};
use crate::support::send;

/// The stored chain is damaged, so following it fails.
#[test]
fn an_entry_of_another_place_or_signature_is_refused_before_the_chain_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("vault.db");
    let world = World::of(Vault::builder().state(&state).start().unwrap());
    let (mut bob, eve) = (Person::new("Bob", false), Person::new("Eve", false));
    let invited = world.join(&eve);
    let stale = world.confirmation(&eve, &invited, &world.chain(), world.ada.signing_key());
    world.enroll(&mut bob);
    let next = world.confirmation(&eve, &invited, &world.chain(), world.ada.signing_key());
    let disabling = world.disabling(&bob);
    // Between it and the chain there is another entry.
    let (mut chain, fingerprint) = (world.chain(), OrgKey::generate().unwrap().fingerprint());
    let rotation = chain.rotate(&fingerprint, world.ada.signing_key());
    chain.append(&rotation.unwrap()).unwrap();
    let mut gap = disabling.clone();
    let entry = chain.disable(&bob.account, world.ada.signing_key());
    gap.entry = Base64(entry.unwrap().to_bytes());

    let connection = Connection::open(&state).unwrap();
    connection
        .execute(
            "UPDATE chain_entries SET entry = x'00' WHERE position = 0",
            (),
        )
        .unwrap();
    check(&world.confirm(&stale), ErrorCode::ChainMoved);
    check(&world.disable(&gap), ErrorCode::ChainMoved);
    let (mut unsigned, mut unsigned_member) = (disabling.clone(), next.clone());
    for entry in [&mut unsigned.entry, &mut unsigned_member.entries[0]] {
        // The end of an entry is its signature.
        *entry.0.last_mut().unwrap() ^= 1;
    }
    check(&world.disable(&unsigned), ErrorCode::InvalidMember);
    check(&world.confirm(&unsigned_member), ErrorCode::InvalidMember);
    assert_eq!(world.confirm(&next).status, 500);
    assert_eq!(world.disable(&disabling).status, 500);
}

#[test]
fn a_confirmation_has_at_most_two_entries_of_a_bounded_size() {
    let world = World::new();
    let bob = Person::new("Bob", false);
    let invited = world.join(&bob);
    let good = world.confirmation(&bob, &invited, &world.chain(), world.ada.signing_key());
    let changes: [&dyn Fn(&mut Confirmation); 2] =
        [&|it| it.entries = vec![it.entries[0].clone(); 3], &|it| {
            it.entries[0].0.resize(40_961, 0)
        }];
    for change in changes {
        let mut changed = good.clone();
        change(&mut changed);
        let answer = world.confirm(&changed);
        check(&answer, ErrorCode::InvalidMember);
        assert!(answer.body.to_string().contains("send"), "{answer:?}");
    }
    world.confirm(&good).success(200);
}

#[test]
fn an_api_token_is_refused_before_the_body_is_read() {
    let world = World::new();
    let token = "an API token of Ada";
    let hash: String = Sha256::digest(token)
        .iter()
        .map(|it| format!("{it:02x}"))
        .collect();
    let body = json!({ "hash": hash, "name": "a", "scopes": "tokens:write organization:write" });
    let tokens = "/api/v1/account/tokens";
    world
        .call("POST", tokens, &world.ada.token, Some(body))
        .success(200);
    let rotation = "/api/v1/organization/rotations/0000000000000001";
    for (method, path) in [
        ("POST", tokens.to_owned()),
        ("POST", "/api/v1/organization/rotations".to_owned()),
        ("PUT", format!("{rotation}/secrets")),
        ("POST", format!("{rotation}/commit")),
    ] {
        let bearer = format!("Bearer {token}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let answer = send(
            world.vault.base_url(),
            method,
            &path,
            &headers,
            Some(b"{".to_vec()),
        );
        check(&answer, ErrorCode::NeedsAccessToken);
    }
}
