//! The success of each call, and its own errors.

use std::time::{Duration, Instant};

use helvetisafe_crypto::{EncodedLockedKey, LockedPrivateKey, PrivateKey, WrappedOrgKey};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::support::{NONCE, VALUE, secret, send, site, update};

#[test]
fn health_needs_no_credential() {
    let answer = site().send("GET", "/health", &[], None);
    assert_eq!(answer.success(200), json!({ "status": "ok" }));
}

#[test]
fn the_org_key_is_wrapped_for_the_account() {
    let site = site();
    let body = site
        .call("GET", "/api/v1/credentials/org-key", None)
        .success(200);
    let wrapped = WrappedOrgKey::decode(body["encrypted_org_key"].as_str().unwrap()).unwrap();
    let key = PrivateKey::from_pem(&site.account.private_key_pem).unwrap();
    assert!(key.unwrap_org_key(&wrapped).is_ok());
}

#[test]
fn the_private_key_opens_with_the_password() {
    let site = site();
    let body = site
        .call("GET", "/api/v1/credentials/private-key", None)
        .success(200);
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    let locked = LockedPrivateKey::decode(&EncodedLockedKey {
        ciphertext: text("encrypted_private_key"),
        nonce: text("nonce"),
        salt: text("salt"),
        tag: text("auth_tag"),
    });
    let key = locked
        .unwrap()
        .unlock(site.account.password.expose_secret())
        .unwrap();
    assert_eq!(*key.to_pkcs8_pem().unwrap(), *site.account.private_key_pem);
}

#[test]
fn a_secret_is_created_read_updated_listed_and_deleted() {
    let site = site();
    let created = site.create("b").success(201);
    assert_eq!(created["key"], "b");
    let created_at: Timestamp = created["created_at"].as_str().unwrap().parse().unwrap();
    assert!(created.get("expires_at").is_none());
    site.create("a").success(201);

    let mut stored = secret("b");
    stored["updated_at"] = created["created_at"].clone();
    stored["version"] = created["version"].clone();
    stored["key_epoch"] = 1.into();
    assert_eq!(site.read("b").success(200), stored);

    let other = "AQEBAQEBAQEBAQEBAQEBAQ==";
    let body = json!({ "value": other, "nonce": "AQEBAQEBAQEBAQEB", "unknown": [1, {}] });
    let updated = site
        .call("PUT", "/api/v1/secrets/b", Some(body))
        .success(200);
    let updated_at: Timestamp = updated["updated_at"].as_str().unwrap().parse().unwrap();
    assert!(updated_at > created_at);
    assert_eq!(site.read("b").success(200)["value"], other);

    let listed = site.call("GET", "/api/v1/secrets", None).success(200);
    let keys: Vec<&Value> = listed["keys"].as_array().unwrap().iter().collect();
    assert_eq!(
        keys.iter().map(|row| &row["key"]).collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!(keys[1]["created_at"], created["created_at"]);
    assert_eq!(keys[1]["updated_at"], updated["updated_at"]);
    assert!(keys[1].get("value").is_none());

    assert_eq!(
        site.call("DELETE", "/api/v1/secrets/b", None).success(204),
        Value::Null
    );
    site.read("b").error(404);
    site.create("b").success(201);
}

#[test]
fn the_documented_write_path_creates_or_updates() {
    let site = site();
    let write = || site.call("POST", "/api/v1/secrets/a", Some(update()));
    let created = write().success(201);
    assert!(created["created_at"].is_string() && created.get("updated_at").is_none());
    let updated = write().success(200);
    assert!(updated["updated_at"].is_string() && updated.get("created_at").is_none());
}

#[test]
fn existing_secrets_cannot_be_created_and_missing_ones_cannot_be_changed() {
    let site = site();
    site.create("a").success(201);
    assert_eq!(site.create("a").error(409), "the secret exists already");
    for (method, body) in [("GET", None), ("PUT", Some(update())), ("DELETE", None)] {
        site.call(method, "/api/v1/secrets/b", body).error(404);
    }
}

#[test]
fn an_invalid_name_is_refused_on_writes_and_not_found_on_reads() {
    let site = site();
    for name in ["", "a b", "a/b", "../x", "a\n", "é", &"x".repeat(256)] {
        let error = site.call("POST", "/api/v1/secrets", Some(secret(name)));
        assert!(
            error.error(422).contains("name of a secret"),
            "{name:?}: {error:?}"
        );
    }
    for path in ["a-b", "a%2Fb", "a%0A", "%FF", "%2e%2e"] {
        let path = format!("/api/v1/secrets/{path}");
        site.call("PUT", &path, Some(update())).error(422);
        site.call("POST", &path, Some(update())).error(422);
        site.call("GET", &path, None).error(404);
        site.call("DELETE", &path, None).error(404);
    }
}

#[test]
fn ciphertext_must_be_canonical_base64_of_a_valid_size() {
    let site = site();
    let refused = |value: &str, nonce: &str| {
        let body = json!({ "key": "a", "value": value, "nonce": nonce });
        site.call("POST", "/api/v1/secrets", Some(body))
            .error(422)
            .to_owned()
    };
    // Too short, not padded, stray bits, URL alphabet, white space, not base64.
    for value in [
        "",
        "AAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAB==",
        "____________________AA==",
        "AAAAAAAAAAAAAAAAAAAAAA==\n",
        "!",
    ] {
        assert!(refused(value, NONCE).starts_with("value "), "{value:?}");
    }
    for nonce in [
        "",
        "AAAAAAAAAAAAAAA=",
        "AAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAA",
    ] {
        assert!(refused(VALUE, nonce).starts_with("nonce "), "{nonce:?}");
    }
}

#[test]
fn unknown_paths_and_wrong_methods_are_answered_in_json() {
    let site = site();
    for path in [
        "/",
        "/api",
        "/api/v1/secrets/",
        "/api/v1/secrets/a/b",
        "/oauth/authorize",
    ] {
        assert_eq!(
            site.call("GET", path, None).error(404),
            "there is no such path"
        );
    }
    let answer = site.call("PATCH", "/api/v1/secrets", Some(update()));
    answer.error(405);
    assert_eq!(answer.headers["allow"], "GET,HEAD,POST");
    site.send("GET", "/oauth/token", &[], None).error(405);
}

#[test]
fn the_vault_shows_what_it_stores() {
    let site = site();
    site.create("a").success(201);
    let stored = site.vault.stored_secrets(&site.organization).unwrap();
    assert_eq!(stored.len(), 1);
    assert_eq!(
        (&*stored[0].key, &*stored[0].value, &*stored[0].nonce),
        ("a", VALUE, NONCE)
    );
    assert_eq!(stored[0].created_at, stored[0].updated_at);
}

#[test]
fn a_vault_stops_on_request_or_on_drop() {
    let site = site();
    let base_url = site.vault.base_url().to_owned();
    send(&base_url, "GET", "/health", &[], None).success(200);
    site.vault.stop().unwrap();
    assert!(std::net::TcpStream::connect(base_url.trim_start_matches("http://")).is_err());
}

#[test]
fn an_idle_connection_does_not_delay_a_stop() {
    let site = site();
    let _silent = std::net::TcpStream::connect(site.vault.address()).unwrap();
    send(site.vault.base_url(), "GET", "/health", &[], None).success(200);
    let start = Instant::now();
    site.vault.stop().unwrap();
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[test]
fn only_one_of_several_concurrent_creates_succeeds() {
    let site = site();
    let path = |n: usize| if n.is_multiple_of(2) { "" } else { "/a" };
    let write = |n: usize| {
        site.call(
            "POST",
            &format!("/api/v1/secrets{}", path(n)),
            Some(secret("a")),
        )
        .status
    };
    let mut statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|n| {
                let write = &write;
                scope.spawn(move || write(n))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    statuses.sort_unstable();
    assert_eq!(
        statuses.iter().filter(|status| **status == 201).count(),
        1,
        "{statuses:?}"
    );
    assert!(
        statuses
            .iter()
            .all(|status| [200, 201, 409].contains(status)),
        "{statuses:?}"
    );
}

#[tokio::test(flavor = "current_thread")]
async fn a_vault_can_be_used_inside_another_runtime() {
    let site = site();
    site.create("a").success(201);
    assert_eq!(
        site.vault.stored_secrets(&site.organization).unwrap().len(),
        1
    );
}
