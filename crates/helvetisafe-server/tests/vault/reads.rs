//! A read returns the last write.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use helvetisafe_server::Vault;
use serde_json::{Value, json};

use crate::support::{NONCE, Site, site, site_of, update};

/// Returns a value that contains its number.
fn value(number: usize) -> String {
    BASE64_STANDARD.encode(format!("{number:016}"))
}

fn put(site: &Site, key: &str, number: usize) {
    let body = json!({ "value": value(number), "nonce": NONCE });
    let path = format!("/api/v1/secrets/{key}");
    site.call("PUT", &path, Some(body)).success(200);
}

fn read(site: &Site, key: &str) -> Value {
    let answer = site.read(key);
    assert_eq!(answer.headers["content-type"], "application/json");
    answer.success(200)["value"].clone()
}

#[test]
fn each_kind_of_write_is_in_the_next_read() {
    let site = site();
    site.read("a").error(404);
    site.create("a").success(201);
    let first = read(&site, "a");
    assert_eq!(
        read(&site, "a"),
        first,
        "the same as long as nothing changes"
    );
    put(&site, "a", 1);
    assert_eq!(read(&site, "a"), value(1));
    let body = json!({ "value": value(2), "nonce": NONCE });
    site.call("POST", "/api/v1/secrets/a", Some(body))
        .success(200);
    assert_eq!(read(&site, "a"), value(2));
    site.call("DELETE", "/api/v1/secrets/a", None).success(204);
    site.read("a").error(404);
    site.call("POST", "/api/v1/secrets/a", Some(update()))
        .success(201);
    assert_eq!(read(&site, "a"), first);
}

/// Stops the other threads on drop, also after a failed assertion.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Meanwhile other threads read the same secret as often as they can. The database is a
/// file, since then reads and writes have separate connections.
#[test]
fn a_writer_reads_its_own_write() {
    let folder = tempfile::tempdir().unwrap();
    let site = site_of(Vault::builder().state(folder.path().join("vault.db")));
    site.create("a").success(201);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let url = format!("{}/api/v1/secrets/a", site.vault.base_url());
                let bearer = format!("Bearer {}", site.token);
                let agent = ureq::Agent::new_with_defaults();
                while !is_over.load(Ordering::Relaxed) {
                    let answer = agent.get(&url).header("authorization", &bearer).call();
                    answer.unwrap().body_mut().read_to_string().unwrap();
                }
            });
        }
        let _over = Over(&is_over);
        for number in 0..400 {
            put(&site, "a", number);
            assert_eq!(read(&site, "a"), value(number));
        }
    });
}

/// A client that disconnects during a write may have written. Then a read returns the new value.
#[test]
fn an_abandoned_write_is_read() {
    let site = site();
    let address = site.vault.base_url().replace("http://", "");
    site.create("a").success(201);
    for number in 0..50_u8 {
        let body = json!({ "value": value(number.into()), "nonce": NONCE }).to_string();
        let mut socket = TcpStream::connect(&address).unwrap();
        write!(
            socket,
            "PUT /api/v1/secrets/a HTTP/1.1\r\nhost: vault\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            site.token,
            body.len(),
        )
        .unwrap();
        // Early ones find the vault before it has begun to write.
        sleep(Duration::from_millis(number.into()));
        drop(socket);
        read(&site, "a");
    }
    let stored = || site.vault.stored_secrets(&site.organization).unwrap();
    let settled = Instant::now() + Duration::from_secs(5);
    while read(&site, "a") != stored()[0].value {
        assert!(Instant::now() < settled, "{:?}", stored());
    }
    assert_ne!(stored()[0].value, crate::support::VALUE, "one has written");
}
