//! Versions of secrets, and writes with a condition.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};

use crate::support::{Answer, NONCE, Site, VALUE, site, update};

const A: &str = "/api/v1/secrets/a";

fn version(answer: &Value) -> String {
    answer["version"].as_str().unwrap().to_owned()
}

fn tag(version: &str) -> String {
    format!("\"{version}\"")
}

fn put_if(site: &Site, condition: &str) -> Answer {
    site.call_if("PUT", A, condition, Some(update()))
}

#[test]
fn every_write_gives_a_new_version_and_every_answer_has_it() {
    let site = site();
    let mut seen = BTreeSet::new();
    let mut check = |written: &Value| {
        let version = version(written);
        let read = site.read("a");
        assert_eq!(read.headers["etag"], tag(&version).as_str());
        assert_eq!(read.success(200)["version"], version.as_str());
        let read = site.read("a");
        assert_eq!(read.headers["etag"], tag(&version).as_str());
        let list = site.call("GET", "/api/v1/secrets", None).success(200);
        assert_eq!(list["keys"][0]["version"], version.as_str());
        assert!(seen.insert(version), "a version came twice");
    };
    check(&site.create("a").success(201));
    check(&site.call("PUT", A, Some(update())).success(200));
    check(&site.call("PUT", A, Some(update())).success(200));
    check(&site.call("POST", A, Some(update())).success(200));
    site.call("DELETE", A, None).success(204);
    check(&site.call("POST", A, Some(update())).success(201));
    site.call("DELETE", A, None).success(204);
    check(&site.create("a").success(201));
    let stored = site.vault.stored_secrets(&site.organization).unwrap();
    assert!(seen.contains(stored[0].version.as_str()));
}

/// RFC 9110 section 9.3.4: the vault stores more than the client sent.
#[test]
fn a_write_is_answered_without_an_entity_tag() {
    let site = site();
    let created = site.create("a");
    let updated = site.call("PUT", A, Some(update()));
    for answer in [created, updated] {
        assert!(!answer.headers.contains_key("etag"));
    }
}

#[test]
fn a_read_says_when_the_secret_was_written() {
    let site = site();
    let created = site.create("a").success(201);
    assert_eq!(
        site.read("a").success(200)["updated_at"],
        created["created_at"]
    );
    let updated = site.call("PUT", A, Some(update())).success(200);
    assert_eq!(
        site.read("a").success(200)["updated_at"],
        updated["updated_at"]
    );
}

#[test]
fn an_update_happens_only_if_the_version_is_the_named_one() {
    let site = site();
    let first = version(&site.create("a").success(201));
    let second = version(&put_if(&site, &tag(&first)).success(200));
    assert_ne!(first, second);
    let stored = || site.read("a").success(200);
    let before = stored();
    for condition in [
        tag(&first),
        format!("W/{}", tag(&second)),
        second.clone(),
        String::new(),
        "\"\"".to_owned(),
        tag(&second[1..]),
    ] {
        put_if(&site, &condition).error(412);
        site.call_if("POST", A, &condition, Some(update()))
            .error(412);
        site.call_if("DELETE", A, &condition, None).error(412);
        assert_eq!(stored(), before, "{condition}");
    }
    let third = put_if(&site, &format!("{}, {}", tag(&first), tag(&second)));
    let third = version(&third.success(200));
    let fourth = site.call_if("POST", A, &tag(&third), Some(update()));
    let fourth = version(&fourth.success(200));
    put_if(&site, "*").success(200);
    site.call_if("DELETE", A, &tag(&fourth), None).error(412);
    let last = version(&stored());
    site.call_if("DELETE", A, &tag(&last), None).success(204);
}

#[test]
fn a_condition_creates_nothing() {
    let site = site();
    let old = version(&site.create("a").success(201));
    site.call("DELETE", A, None).success(204);
    for condition in ["*", "\"0\"", tag(&old).as_str()] {
        put_if(&site, condition).error(404);
        site.call_if("DELETE", A, condition, None).error(404);
        site.call_if("POST", A, condition, Some(update()))
            .error(412);
    }
    // Other checks come first.
    let bad = json!({ "value": VALUE, "nonce": "" });
    site.call_if("PUT", A, "\"0\"", Some(bad)).error(422);
    let past = json!({ "value": VALUE, "nonce": NONCE, "expiresAt": "2001-01-01T00:00:00Z" });
    site.call_if("PUT", A, "\"0\"", Some(past)).error(422);
    site.read("a").error(404);
}

#[test]
fn of_concurrent_updates_of_one_version_one_happens() {
    const WRITERS: usize = 8;
    let site = site();
    let mut current = tag(&version(&site.create("a").success(201)));
    for _ in 0..10 {
        let start = Barrier::new(WRITERS);
        let statuses: Vec<u16> = thread::scope(|scope| {
            let write = || {
                start.wait();
                put_if(&site, &current).status
            };
            let writers: Vec<_> = (0..WRITERS).map(|_| scope.spawn(write)).collect();
            let join = |writer: thread::ScopedJoinHandle<'_, u16>| writer.join().unwrap();
            writers.into_iter().map(join).collect()
        });
        let count = |status| statuses.iter().filter(|it| **it == status).count();
        assert_eq!((count(200), count(412)), (1, WRITERS - 1));
        current = tag(&version(&site.read("a").success(200)));
    }
}
