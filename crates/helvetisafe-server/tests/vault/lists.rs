//! The list is cached until the next change.

use std::io::Write;
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use helvetisafe_server::{NewApiToken, Vault};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::state::again;
use crate::support::{NONCE, Site, VALUE, new_account, secret, site, site_of, update};

fn list(site: &Site) -> Vec<Value> {
    let answer = site.call("GET", "/api/v1/secrets", None);
    assert_eq!(answer.headers["content-type"], "application/json");
    let listed = answer.success(200);
    listed["keys"].as_array().unwrap().clone()
}

fn names(site: &Site) -> Vec<String> {
    let name = |row: &Value| row["key"].as_str().unwrap().to_owned();
    list(site).iter().map(name).collect()
}

/// Returns the names in the list, which are those of a page that has room for them. Either may be cached.
fn names_in_both(site: &Site) -> Vec<String> {
    let (in_page, has_more) = page(site, "limit=100");
    assert!(!has_more);
    let names = names(site);
    assert_eq!(in_page, names);
    assert_eq!(page(site, "limit=100").0, names);
    names
}

#[test]
fn each_kind_of_write_is_in_the_next_list() {
    let site = site();
    assert_eq!(names_in_both(&site), [""; 0]);
    site.create("b").success(201);
    assert_eq!(names_in_both(&site), ["b"]);
    site.call("POST", "/api/v1/secrets/a", Some(update()))
        .success(201);
    assert_eq!(names_in_both(&site), ["a", "b"], "by name");

    let before = list(&site);
    assert_eq!(list(&site), before, "the same as long as nothing changes");
    site.call("PUT", "/api/v1/secrets/a", Some(update()))
        .success(200);
    let after = list(&site);
    assert_ne!(after[0]["updated_at"], before[0]["updated_at"]);
    assert_eq!(after[1], before[1]);

    site.call("DELETE", "/api/v1/secrets/b", None).success(204);
    assert_eq!(names_in_both(&site), ["a"]);
}

/// Returns the names of a page, and if more follow.
fn page(site: &Site, query: &str) -> (Vec<String>, bool) {
    let listed = site.call("GET", &format!("/api/v1/secrets?{query}"), None);
    let listed = listed.success(200);
    let rows = listed["keys"].as_array().unwrap().iter();
    let names = rows.map(|row| row["key"].as_str().unwrap().to_owned());
    (names.collect(), listed["has_more"] == true)
}

#[test]
fn a_list_is_served_in_pages_in_the_order_of_the_bytes() {
    let site = site();
    for name in ["b", "B", "_", "a1", "a"] {
        site.create(name).success(201);
    }
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    for (query, expected, has_more) in [
        ("limit=2", &["B", "_"][..], true),
        ("limit=2&after=_", &["a", "a1"], true),
        ("limit=2&after=a1", &["b"], false),
        ("limit=1&after=a1", &["b"], false),
        ("limit=5", &["B", "_", "a", "a1", "b"], false),
        (
            "limit=99999999999999999999",
            &["B", "_", "a", "a1", "b"],
            false,
        ),
        ("after=a", &["a1", "b"], false),
        ("after=between", &[], false),
        ("other=1", &["B", "_", "a", "a1", "b"], false),
    ] {
        assert_eq!(page(&site, query), (names(expected), has_more), "{query}");
    }
    let announced = site.call("GET", "/health", None);
    assert_eq!(announced.headers["helvetisafe-paging"], "1");
}

#[test]
fn a_page_is_of_one_organization_and_without_expired_secrets() {
    let site = site();
    let end = Timestamp::now() + SignedDuration::from_millis(200);
    let body = json!({ "key": "ends", "value": VALUE, "nonce": NONCE, "expiresAt": end });
    let created = site.call("POST", "/api/v1/secrets", Some(body));
    created.success(201);
    let other = site.vault.new_organization().unwrap();
    let other = site.vault.new_account(&other, new_account()).unwrap();
    let token = site
        .vault
        .new_api_token(&other, NewApiToken::default())
        .unwrap();
    let foreign = Some(secret("foreign"));
    site.call_as(token.expose_secret(), "POST", "/api/v1/secrets", foreign)
        .success(201);
    sleep(Duration::from_millis(250));
    site.create("stays").success(201);
    assert_eq!(page(&site, "limit=9"), (vec!["stays".to_owned()], false));
}

#[test]
fn an_expired_secret_is_not_listed() {
    let site = site();
    site.create("stays").success(201);
    let end = Timestamp::now() + SignedDuration::from_secs(2);
    let body = json!({ "key": "ends", "value": VALUE, "nonce": NONCE, "expiresAt": end });
    site.call("POST", "/api/v1/secrets", Some(body))
        .success(201);
    assert_eq!(names_in_both(&site), ["ends", "stays"]);
    sleep(Duration::from_millis(2050));
    assert_eq!(names_in_both(&site), ["stays"]);
}

#[test]
fn a_list_contains_only_its_organization() {
    let one = site();
    one.create("mine").success(201);
    assert_eq!(names_in_both(&one), ["mine"]);
    let organization = one.vault.new_organization().unwrap();
    let account = one.vault.new_account(&organization, new_account()).unwrap();
    let other = Site { account, ..one };
    let token = other.new_api_token(helvetisafe_proto::Scopes::ALL);
    let listed = other.call_as(&token, "GET", "/api/v1/secrets", None);
    assert_eq!(listed.success(200)["keys"], json!([]));
}

/// A client that disconnects during a write may have written. Then the list shows it.
#[test]
fn an_abandoned_write_is_in_the_list() {
    let site = site();
    let address = site.vault.base_url().replace("http://", "");
    for n in 0..50_u8 {
        let body = secret(&format!("key_{n:02}")).to_string();
        let mut socket = TcpStream::connect(&address).unwrap();
        // In one piece, so that most of them arrive whole.
        let request = format!(
            "POST /api/v1/secrets HTTP/1.1\r\nhost: vault\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            site.token,
            body.len(),
        );
        socket.write_all(request.as_bytes()).unwrap();
        // Early ones find the vault before it has begun to write.
        sleep(Duration::from_millis(n.into()));
        drop(socket);
        list(&site);
    }
    let stored = |site: &Site| -> Vec<String> {
        let stored = site.vault.stored_secrets(&site.organization).unwrap();
        stored.into_iter().map(|secret| secret.key).collect()
    };
    let settled = Instant::now() + Duration::from_secs(5);
    while stored(&site) != names(&site) {
        assert!(Instant::now() < settled, "{:?}", stored(&site));
    }
    assert!(!stored(&site).is_empty());
}

#[test]
fn a_restarted_vault_lists_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("vault.db");
    let site = site_of(Vault::builder().state(&database));
    site.create("kept").success(201);
    assert_eq!(names_in_both(&site), ["kept"]);
    let site = again(site, &database);
    site.create("new").success(201);
    assert_eq!(names_in_both(&site), ["kept", "new"]);
}
