//! Secrets that expire.

use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::{NONCE, Site, VALUE, site, site_of, update};

fn in_millis(millis: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_millis(millis)
}

fn create_until(site: &Site, end: Timestamp) -> Value {
    let body = json!({ "key": "a", "value": VALUE, "nonce": NONCE, "expiresAt": end });
    site.call("POST", "/api/v1/secrets", Some(body))
        .success(201)
}

/// The life of a secret that is read before it ends, by a machine that may be busy.
const LIFE: i64 = 1500;

fn expired(site: &Site) {
    create_until(site, in_millis(LIFE));
    site.read("a").success(200);
    sleep(Duration::from_millis(LIFE.unsigned_abs() + 50));
}

#[test]
fn every_call_treats_an_expired_secret_as_missing() {
    let site = site();
    expired(&site);
    site.read("a").error(404);
    site.call("PUT", "/api/v1/secrets/a", Some(update()))
        .error(404);
    site.call("DELETE", "/api/v1/secrets/a", None).error(404);
    let listed = site.call("GET", "/api/v1/secrets", None).success(200);
    assert_eq!(listed["keys"], json!([]));
}

#[test]
fn the_name_of_an_expired_secret_can_be_created_again() {
    let site = site();
    expired(&site);
    site.create("a").success(201);
    let record = site.read("a").success(200);
    assert!(
        record.get("expires_at").is_none(),
        "the old expiry is gone: {record}"
    );
}

#[test]
fn the_documented_write_path_recreates_an_expired_secret() {
    let site = site();
    expired(&site);
    site.call("POST", "/api/v1/secrets/a", Some(update()))
        .success(201);
    assert!(site.read("a").success(200).get("expires_at").is_none());
}

#[test]
fn an_update_keeps_clears_or_sets_the_expiry() {
    let site = site();
    // The last digit is not zero, so the vault and `json!` write the same text.
    let whole = in_millis(60_000).round(jiff::Unit::Second).unwrap();
    let end = whole + SignedDuration::from_micros(123_457);
    assert_eq!(create_until(&site, end)["expires_at"], json!(end));
    let later = end + SignedDuration::from_secs(60);
    for (expires_at, expected) in [
        (None, json!(end)),
        (Some(json!(later)), json!(later)),
        (Some(Value::Null), Value::Null),
        (None, Value::Null),
        (
            Some(json!("2100-01-01T02:00:00+02:00")),
            json!("2100-01-01T00:00:00Z"),
        ),
    ] {
        let mut body = update();
        if let Some(expires_at) = expires_at {
            body["expiresAt"] = expires_at;
        }
        let updated = site
            .call("PUT", "/api/v1/secrets/a", Some(body.clone()))
            .success(200);
        assert_eq!(
            updated.get("expires_at").unwrap_or(&Value::Null),
            &expected,
            "{body}"
        );
        let record = site.read("a").success(200);
        assert_eq!(record.get("expires_at").unwrap_or(&Value::Null), &expected);
    }
}

#[test]
fn a_past_or_malformed_expiry_is_refused() {
    let site = site();
    site.create("a").success(201);
    for (end, why) in [
        (json!(in_millis(-1)), "has passed"),
        (json!("soon"), ""),
        (json!(5), ""),
    ] {
        let mut body = update();
        body["expiresAt"] = end;
        for (method, path) in [("PUT", "/a"), ("POST", "/a"), ("POST", "")] {
            body["key"] = json!("b");
            let path = format!("/api/v1/secrets{path}");
            let answer = site.call(method, &path, Some(body.clone()));
            assert!(answer.error(422).contains(why), "{answer:?}");
        }
    }
}

#[test]
fn expired_secrets_are_deleted_from_the_database() {
    let site = site_of(crate::support::builder().sweep_interval(Duration::from_millis(20)));
    create_until(&site, in_millis(LIFE));
    site.create("b").success(201);
    let names = || {
        let stored = site.vault.stored_secrets(&site.organization).unwrap();
        stored
            .into_iter()
            .map(|secret| secret.key)
            .collect::<Vec<_>>()
    };
    assert_eq!(names(), ["a", "b"]);
    let start = Instant::now();
    while names() != ["b"] {
        assert!(start.elapsed() < Duration::from_secs(10), "not swept");
        sleep(Duration::from_millis(20));
    }
}
