//! The record of administrative acts.

use std::collections::HashSet;

use helvetisafe_proto::{Scope, Scopes};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::administration::{Administrator, random_digits};
use crate::support::site;

const AUDIT: &str = "/api/v1/organization/audit";

fn act(caller: &Administrator<'_>) {
    let body =
        json!({ "hash": random_digits() + &random_digits(), "name": "ci", "scopes": "audit:read" });
    caller
        .call("POST", "/api/v1/account/tokens", Some(body))
        .success(200);
}

fn time(act: &Value) -> Timestamp {
    act["at"].as_str().unwrap().parse().unwrap()
}

#[test]
fn pages_have_every_act_once_the_newest_first() {
    let site = site();
    let caller = Administrator::new(&site);
    for _ in 0..205 {
        act(&caller);
    }
    let (mut acts, mut query) = (Vec::new(), String::new());
    for has_more in [true, true, false] {
        let page = caller
            .call("GET", &format!("{AUDIT}{query}"), None)
            .success(200);
        assert_eq!(page["has_more"], has_more);
        acts.extend(page["records"].as_array().unwrap().clone());
        query = format!("?before={}", acts.last().unwrap()["id"].as_str().unwrap());
    }
    assert_eq!(acts.len(), 205);
    let ids: HashSet<_> = acts.iter().map(|act| act["id"].as_str()).collect();
    assert_eq!(ids.len(), 205);
    assert!(acts.is_sorted_by(|newer, older| time(newer) >= time(older)));
    let page = caller
        .call("GET", &format!("{AUDIT}{query}"), None)
        .success(200);
    assert_eq!(page, json!({ "records": [], "has_more": false }));
}

#[test]
fn the_record_is_that_of_the_own_organization_and_needs_its_scope() {
    let (one, other) = (site(), site());
    let (one, other) = (Administrator::new(&one), Administrator::new(&other));
    act(&one);
    let id = one.acts()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(other.acts(), [] as [Value; 0]);
    for (query, status, code) in [
        (format!("before={id}"), 404, "record_not_found"),
        (format!("before={:016x}", 7), 404, "record_not_found"),
        ("before=7".to_owned(), 400, "invalid_query"),
        (format!("before={id}&before={id}"), 400, "invalid_query"),
    ] {
        let answer = other.call("GET", &format!("{AUDIT}?{query}"), None);
        answer.error(status);
        assert_eq!(answer.body["code"], code, "{query}");
    }
    let site = site();
    let none = Administrator::with_scopes(&site, Scopes::from([Scope::OrganizationWrite]));
    let refused = none.call("GET", AUDIT, None);
    assert_eq!(refused.error(403), "missing scope: audit:read");
}
