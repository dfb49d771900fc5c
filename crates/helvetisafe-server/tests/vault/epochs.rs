//! The epochs of org keys in the calls of the service.

use serde_json::{Value, json};

use crate::support::{Site, secret, site, update};

/// The calls that store a value, for a secret that exists or not.
fn writes(exists: bool) -> Vec<(&'static str, &'static str, Value)> {
    let mut calls = vec![("POST", "/api/v1/secrets/a", update())];
    match exists {
        true => calls.push(("PUT", "/api/v1/secrets/a", update())),
        false => calls.push(("POST", "/api/v1/secrets", secret("a"))),
    }
    calls
}

fn with_epoch(mut body: Value, epoch: Value) -> Value {
    body["keyEpoch"] = epoch;
    body
}

fn remove(site: &Site) {
    site.call("DELETE", "/api/v1/secrets/a", None).success(204);
}

#[test]
fn answers_carry_the_epoch_of_their_org_key() {
    let site = site();
    for exists in [false, true] {
        for (method, path, body) in writes(exists) {
            if exists {
                site.call("POST", "/api/v1/secrets/a", Some(update()));
            }
            for body in [body.clone(), with_epoch(body, json!(1))] {
                let answer = site.call(method, path, Some(body));
                assert_eq!(answer.body["key_epoch"], 1, "{method} {path}: {answer:?}");
                if !exists {
                    remove(&site);
                }
            }
        }
    }
    assert_eq!(site.read("a").success(200)["key_epoch"], 1);
    let org_key = site.call("GET", "/api/v1/credentials/org-key", None);
    assert_eq!(org_key.success(200)["key_epoch"], 1);
}

#[test]
fn a_write_for_another_epoch_is_refused() {
    let site = site();
    for exists in [false, true] {
        if exists {
            site.create("a").success(201);
        }
        let before = site.vault.stored_secrets(&site.organization).unwrap();
        for (method, path, body) in writes(exists) {
            for epoch in [0, 2, u64::MAX] {
                let answer = site.call(method, path, Some(with_epoch(body.clone(), json!(epoch))));
                answer.error(412);
                assert_eq!(answer.body["code"], "key_epoch_mismatch", "{method} {path}");
            }
            for epoch in [json!("1"), json!(-1), json!(1.5)] {
                let answer = site.call(method, path, Some(with_epoch(body.clone(), epoch)));
                assert_eq!(answer.body["code"], "invalid_body", "{method} {path}");
            }
        }
        let after = site.vault.stored_secrets(&site.organization).unwrap();
        assert_eq!(after, before);
    }
}
