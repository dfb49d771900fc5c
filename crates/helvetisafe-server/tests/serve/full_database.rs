//! A vault whose disk another process has filled. Linux: a disk of memory.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::process::Output;

use helvetisafe_server::ExposeSecret;
use serde_json::{Value, json};

use crate::drain::connect;
use crate::interruptions::is_whole;
use crate::metrics::scrape;
use crate::process::Serve;
use crate::small_disk::SmallDisk;
use crate::state::State;

/// A vault on a disk of its own.
struct Site {
    state: State,
    disk: SmallDisk,
}

impl Site {
    /// Returns `None` if this machine has no namespaces for mounts.
    fn new() -> Option<Self> {
        let disk = SmallDisk::of_size("90m")?;
        let state = State::new();
        let connection = rusqlite::Connection::open(state.path()).unwrap();
        let scopes = "UPDATE accounts SET scopes = scopes || ' tokens:write'";
        connection.execute(scopes, []).unwrap();
        drop(connection);
        disk.copy(&state);
        Some(Self { state, disk })
    }

    fn call(&self, address: SocketAddr, line: &str, body: &str) -> (u16, Value) {
        let token = &self.state.token;
        let head = format!("x-aegis-token: {token}\r\ncontent-type: application/json");
        send(address, line, &head, body)
    }

    fn fetch_token(&self, address: SocketAddr) -> u16 {
        self.log_in(address, "").0
    }

    fn log_in(&self, address: SocketAddr, scope: &str) -> (u16, Value) {
        let account = &self.state.account;
        let (id, secret) = (&account.client_id, account.client_secret.expose_secret());
        let mut form =
            format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        if !scope.is_empty() {
            form = format!("{form}&scope={scope}");
        }
        let head = "content-type: application/x-www-form-urlencoded";
        send(address, "POST /oauth/token", head, &form)
    }

    /// Tries to create a secret.
    fn create(&self, address: SocketAddr, key: &str, size: usize) -> (u16, Value) {
        let value = "A".repeat(size.next_multiple_of(4));
        let body = json!({"key": key, "value": value, "nonce": "A".repeat(16)});
        self.call(address, "POST /api/v1/secrets", &body.to_string())
    }

    fn delete(&self, address: SocketAddr, key: &str) -> u16 {
        let line = format!("DELETE /api/v1/secrets/{key}");
        self.call(address, &line, "").0
    }

    /// Revokes the API token, which needs an access token.
    fn revoke(&self, address: SocketAddr) {
        let token = self.log_in(address, "tokens:write").1["access_token"].take();
        let head = format!("authorization: Bearer {}", token.as_str().unwrap());
        let (status, body) = send(address, "GET /api/v1/account/tokens", &head, "");
        assert_eq!(status, 200, "{body}");
        let id = body["tokens"][0]["id"].as_str().unwrap();
        let line = format!("DELETE /api/v1/account/tokens/{id}");
        assert_eq!(send(address, &line, &head, "").0, 200);
        let read = self.call(address, "GET /api/v1/secrets/a", "");
        assert_eq!(read.0, 401);
    }

    /// Returns the bytes that the reserve holds.
    fn reserve(&self) -> u64 {
        let file = std::fs::metadata(self.disk.outside("vault.db.reserve"));
        file.map_or(0, |file| {
            assert_eq!(file.mode() & 0o777, 0o600);
            file.blocks() * 512
        })
    }

    /// Runs `check`. Returns its status, and the status of the check of the disk.
    fn check(&self) -> (Option<i32>, String, String) {
        let database = self.disk.database();
        let arguments = [
            "check",
            "--json",
            "--database",
            &database,
            "--listen",
            "127.0.0.1:0",
        ];
        let Output { status, stdout, .. } = self.disk.vault(&arguments).output().unwrap();
        let report: Value = serde_json::from_slice(&stdout).unwrap();
        let mut checks = report["checks"].as_array().unwrap().iter();
        let disk = checks.find(|it| it["name"] == "disk").unwrap();
        let text = |member: &str| disk[member].as_str().unwrap().to_owned();
        (status.code(), text("status"), text("text"))
    }
}

fn send(address: SocketAddr, line: &str, head: &str, body: &str) -> (u16, Value) {
    let mut stream = connect(address);
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n{head}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

/// Waits until `/ready` has this status, since its result is reused for a second.
#[track_caller]
fn ready(serve: &Serve, status: u16, has: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..50 {
        let (found, body) = send(serve.address, "GET /ready", "accept: */*", "");
        if found == status && has(&body) {
            return body;
        }
        last = body;
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    panic!("{last}");
}

fn codes(list: &Value) -> Vec<&str> {
    let entries = list.as_array().unwrap();
    entries
        .iter()
        .map(|it| it["code"].as_str().unwrap())
        .collect()
}

/// Values are refused, and nothing is in reserve any more.
fn is_full(body: &Value) -> bool {
    codes(&body["warnings"]) == ["disk", "reserve"]
}

/// Returns the value of a metric, which is measured every 5 s.
fn metric(text: &str, name: &str) -> Option<f64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value.map(|value| value.trim().parse().unwrap())
}

/// The space lasts for thousands of writes, of which each is a transaction of its own.
#[test]
fn on_a_full_disk_tokens_and_deletes_go_on_and_values_are_refused() {
    let Some(site) = Site::new() else { return };
    let mut serve = site.disk.serve();
    for n in 0..20 {
        let key = format!("key_{n}");
        assert_eq!(site.create(serve.address, &key, 24).0, 201);
    }
    assert_eq!(site.create(serve.address, "large", 1_000_000).0, 201);
    assert_eq!(site.check().1, "ok");
    serve.stop();

    // A new process has a short log.
    serve = site.disk.serve();
    let metrics = serve.metrics_address();
    assert!(site.reserve() >= 26 << 20, "{}", site.reserve());
    site.disk.fill("fill");
    let (status, _, text) = site.check();
    assert_eq!(status, Some(1), "another process uses the database");
    assert!(
        text.contains("0 MiB free, so creates and updates are refused"),
        "{text}"
    );
    for n in 0..3000 {
        assert_eq!(site.fetch_token(serve.address), 200, "{n}");
    }
    assert_eq!(site.reserve(), 0, "it is in use");
    // Another process would like to have the space, too.
    site.disk.fill("fill");
    for key in ["large", "key_0", "key_1"] {
        assert_eq!(site.delete(serve.address, key), 204);
    }
    for n in 0..2000 {
        assert_eq!(site.fetch_token(serve.address), 200, "{n}");
    }
    let refusals = || metric(&scrape(metrics), "helvetisafe_disk_full_refusals_total").unwrap();
    let before = refusals();
    let (status, body) = site.create(serve.address, "new", 24);
    assert!(refusals() > before);
    assert_eq!((status, &body["code"]), (507, &"storage_full".into()));
    for _ in 0..20 {
        assert_eq!(site.create(serve.address, "new", 24).0, 507);
    }
    let read = site.call(serve.address, "GET /api/v1/secrets/key_2", "");
    assert_eq!(read.0, 200);

    let body = ready(&serve, 200, is_full);
    let text = body["warnings"][0]["text"].as_str().unwrap();
    let path = site.disk.path("vault.db").display().to_string();
    assert!(
        !text.contains(&path) && text.contains("free space"),
        "{text}"
    );
    let text = (0..50).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(200));
        let text = scrape(metrics);
        (metric(&text, "helvetisafe_database_disk_free_bytes")? < 1e6).then_some(text)
    });
    let text = text.unwrap();
    assert!(metric(&text, "helvetisafe_database_size_bytes").unwrap() > 1e6);
    assert!(metric(&text, "helvetisafe_database_wal_size_bytes").unwrap() > 1e6);

    site.disk.remove("fill");
    ready(&serve, 200, |body| codes(&body["warnings"]).is_empty());
    assert_eq!(site.create(serve.address, "new", 24).0, 201);
    // The next write, at the latest a second later, holds the space again.
    ready(&serve, 200, |_| site.reserve() >= 26 << 20);
    let lines = serve.stop();
    let full: Vec<_> = lines.iter().filter(|line| line.contains(" disk")).collect();
    assert!(full.len() <= 6, "{full:#?}");
    assert!(full.iter().any(|line| line.contains(&path)), "{full:#?}");
    std::fs::copy(site.disk.outside("vault.db"), site.state.path()).unwrap();
    is_whole(&site.state.path());
}

/// The space stays while no vault runs, so that one can start.
#[test]
fn a_vault_starts_on_a_full_disk() {
    let Some(site) = Site::new() else { return };
    let serve = site.disk.serve();
    assert_eq!(site.create(serve.address, "a", 24).0, 201);
    serve.stop();
    site.disk.fill("fill");
    assert_eq!(site.check().1, "warning");
    let serve = site.disk.serve();
    for n in 0..500 {
        assert_eq!(site.fetch_token(serve.address), 200, "{n}");
    }
    let read = site.call(serve.address, "GET /api/v1/secrets/a", "");
    assert_eq!(read.0, 200);
    assert_eq!(site.delete(serve.address, "a"), 204);
    site.revoke(serve.address);
    serve.stop();

    // What the vault has left is enough for another start.
    assert!(
        (1..26 << 20).contains(&site.reserve()),
        "{}",
        site.reserve()
    );
    site.disk.fill("fill");
    let (code, status, text) = site.check();
    assert_eq!((code, &*status), (Some(0), "warning"), "{text}");
    let serve = site.disk.serve();
    assert_eq!(site.fetch_token(serve.address), 200);
    serve.stop();
}

/// There is space for the reserve, or for values.
#[test]
fn a_disk_with_little_space_has_it_in_reserve() {
    let Some(site) = Site::new() else { return };
    let serve = site.disk.serve();
    assert_eq!(site.create(serve.address, "a", 24).0, 201);
    serve.stop();
    site.disk.remove("vault.db.reserve");
    site.disk.leave("ballast", 44 << 20);
    let serve = site.disk.serve();
    assert!(site.reserve() >= 26 << 20, "{}", site.reserve());
    assert_eq!(site.create(serve.address, "b", 24).0, 507);
    ready(&serve, 200, |body| codes(&body["warnings"]) == ["disk"]);
    assert_eq!(site.check().1, "warning");
    site.disk.fill("fill");
    for n in 0..100 {
        assert_eq!(site.fetch_token(serve.address), 200, "{n}");
    }
    assert_eq!(site.delete(serve.address, "a"), 204);
    serve.stop();
}

#[test]
fn a_disk_without_space_for_the_reserve_is_reported() {
    let Some(site) = Site::new() else { return };
    site.disk.leave("ballast", 24 << 20);
    let mut serve = site.disk.serve();
    let metrics = serve.metrics_address();
    ready(&serve, 200, is_full);
    assert_eq!(site.reserve(), 0);
    assert_eq!(site.create(serve.address, "a", 24).0, 507);
    let reserve = |has: fn(f64) -> bool| {
        let name = "helvetisafe_database_reserve_bytes";
        let is = || metric(&scrape(metrics), name).is_some_and(has);
        (0..50).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(200));
            is()
        })
    };
    assert!(reserve(|bytes| bytes == 0.0));
    site.disk.remove("ballast");
    ready(&serve, 200, |body| codes(&body["warnings"]).is_empty());
    assert!(reserve(|bytes| bytes > 27e6));
    assert_eq!(site.create(serve.address, "a", 24).0, 201);
    let lines = serve.stop();
    for part in [
        "WARNING: the database has no disk space in reserve",
        "the database has disk space in reserve again",
    ] {
        let found = lines.iter().filter(|line| line.contains(part)).count();
        assert_eq!(found, 1, "{part}: {lines:#?}");
    }
}

#[test]
fn a_disk_without_a_reserve_makes_the_vault_unready_until_it_has_space() {
    let Some(site) = Site::new() else { return };
    let serve = site.disk.serve();
    assert_eq!(site.fetch_token(serve.address), 200);
    site.disk.remove("vault.db.reserve");
    site.disk.fill("fill");
    let body = (0..100).find_map(|_| {
        // Moving the log to the database can make room for some more.
        (0..50).for_each(|_| assert!([200, 507].contains(&site.fetch_token(serve.address))));
        let (status, body) = send(serve.address, "GET /ready", "accept: */*", "");
        (status == 503).then_some(body)
    });
    let body = body.unwrap();
    assert_eq!(codes(&body["reasons"]), ["disk"]);
    assert!(is_full(&body), "{body}");
    let (code, status, text) = site.check();
    assert_eq!((code, &*status), (Some(1), "fault"), "{text}");
    site.disk.remove("fill");
    ready(&serve, 200, |body| codes(&body["warnings"]).is_empty());
    assert_eq!(site.fetch_token(serve.address), 200);
    let lines = serve.stop();
    let full: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("the disk"))
        .collect();
    assert!(full.len() <= 6, "{full:#?}");
}
