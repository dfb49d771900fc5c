//! The list is cached until the next change.

use std::io::Write;
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use helvetisafe_server::Vault;
use jiff::{SignedDuration, Timestamp};
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

#[test]
fn each_kind_of_write_is_in_the_next_list() {
    let site = site();
    assert_eq!(names(&site), [""; 0]);
    site.create("b").success(201);
    assert_eq!(names(&site), ["b"]);
    site.call("POST", "/api/v1/secrets/a", Some(update()))
        .success(201);
    assert_eq!(names(&site), ["a", "b"], "by name");

    let before = list(&site);
    assert_eq!(list(&site), before, "the same as long as nothing changes");
    site.call("PUT", "/api/v1/secrets/a", Some(update()))
        .success(200);
    let after = list(&site);
    assert_ne!(after[0]["updated_at"], before[0]["updated_at"]);
    assert_eq!(after[1], before[1]);

    site.call("DELETE", "/api/v1/secrets/b", None).success(204);
    assert_eq!(names(&site), ["a"]);
}

#[test]
fn an_expired_secret_is_not_listed() {
    let site = site();
    site.create("stays").success(201);
    let end = Timestamp::now() + SignedDuration::from_millis(300);
    let body = json!({ "key": "ends", "value": VALUE, "nonce": NONCE, "expiresAt": end });
    site.call("POST", "/api/v1/secrets", Some(body))
        .success(201);
    assert_eq!(names(&site), ["ends", "stays"]);
    sleep(Duration::from_millis(350));
    assert_eq!(names(&site), ["stays"]);
}

#[test]
fn a_list_contains_only_its_organization() {
    let one = site();
    one.create("mine").success(201);
    assert_eq!(names(&one), ["mine"]);
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
    for n in 0..50 {
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
    assert_eq!(names(&site), ["kept"]);
    let site = again(site, &database);
    site.create("new").success(201);
    assert_eq!(names(&site), ["kept", "new"]);
}
