//! `kill -9` during writes: every acknowledged write is complete after the next start.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::dev::{Dev, credentials};
use crate::random::Random;
use crate::raw::read_answer;
use crate::support::Answer;

const WRITES: usize = 1000;
const WRITERS: usize = 6;
const NAMES: usize = 8;

/// The longest time for a write on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The vault is killed before it has acknowledged this many writes.
const LIFE: usize = 120;

/// A secret of one writer, and its possible states: the last acknowledged one, and those of later writes
/// without an answer. A state is the number of its write, or `None` if the secret does not exist.
struct Tracked {
    name: String,
    possible: Vec<Option<u64>>,
}

struct Writer {
    secrets: Vec<Tracked>,
    random: Random,
    /// The number of the last write, which no other writer uses.
    number: u64,
}

impl Writer {
    fn new(id: u64, seed: u64) -> Self {
        let tracked = |n| Tracked {
            name: format!("writer_{id}_secret_{n}"),
            possible: vec![None],
        };
        Self {
            secrets: (0..NAMES).map(tracked).collect(),
            random: Random::new(seed ^ id << 32),
            number: id << 48,
        }
    }

    /// Writes until the vault is killed.
    fn run(&mut self, vault: &Connection, acknowledged: &AtomicUsize) {
        let Some(mut stream) = vault.open() else {
            return;
        };
        loop {
            self.number += 1;
            let (random, number) = (&mut self.random, self.number);
            let secret = &mut self.secrets[random.below(NAMES)];
            let (method, path, body, after) = secret.next_write(random, number);
            let answer = vault.send(&mut stream, method, &path, body.as_ref());
            let Some(answer) = answer else {
                secret.possible.push(after);
                return;
            };
            assert!(
                (200..300).contains(&answer.status),
                "{method} {path}: {answer:?}"
            );
            secret.possible = vec![after];
            acknowledged.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Tracked {
    /// Returns a write that must succeed in the current state, and the state after it.
    fn next_write(
        &self,
        random: &mut Random,
        number: u64,
    ) -> (&'static str, String, Option<Value>, Option<u64>) {
        let path = format!("/api/v1/secrets/{}", self.name);
        let (value, nonce) = contents(number);
        let mut body = json!({ "value": value, "nonce": nonce });
        match (self.possible[0].is_some(), random.below(4)) {
            (true, 0) => ("DELETE", path, None, None),
            (true, 1 | 2) => ("PUT", path, Some(body), Some(number)),
            (false, 0 | 1) => {
                body["key"] = json!(self.name);
                (
                    "POST",
                    "/api/v1/secrets".to_owned(),
                    Some(body),
                    Some(number),
                )
            }
            _ => ("POST", path, Some(body), Some(number)),
        }
    }

    /// Checks that the stored secret is complete and in a possible state, which becomes the only one.
    fn check(&mut self, vault: &Connection, stream: &mut TcpStream) {
        let path = format!("/api/v1/secrets/{}", self.name);
        let answer = vault.send(stream, "GET", &path, None).unwrap();
        let found = match answer.status {
            404 => None,
            200 => {
                let nonce = answer.body["nonce"].as_str().unwrap();
                let nonce = BASE64_STANDARD.decode(nonce).unwrap();
                let number = u64::from_be_bytes(nonce[..8].try_into().unwrap());
                assert_eq!(answer.body["value"], contents(number).0, "{path} is torn");
                Some(number)
            }
            _ => panic!("{path}: {answer:?}"),
        };
        assert!(
            self.possible.contains(&found),
            "{path} is {found:?} and may be {:?}",
            self.possible
        );
        self.possible = vec![found];
    }
}

/// Returns the value and the nonce of a write. Values take from one page of the database to several.
fn contents(number: u64) -> (String, String) {
    let mut random = Random::new(number);
    let length = 16
        + random.below(if number.is_multiple_of(4) {
            30_000
        } else {
            200
        });
    let nonce = [&number.to_be_bytes()[..], &[0; 4]].concat();
    (
        BASE64_STANDARD.encode(random.bytes(length)),
        BASE64_STANDARD.encode(nonce),
    )
}

/// The address of a vault, and a token for it.
struct Connection {
    address: String,
    token: String,
}

impl Connection {
    fn to(dev: &Dev, state: &Path) -> Self {
        let token = credentials(state)["api_token"].as_str().unwrap().to_owned();
        let address = dev.base_url.strip_prefix("http://").unwrap().to_owned();
        Self { address, token }
    }

    /// Returns `None` if the vault was killed already.
    fn open(&self) -> Option<TcpStream> {
        let stream = TcpStream::connect(&self.address).ok()?;
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        Some(stream)
    }

    /// Returns `None` if the vault was killed before its whole answer arrived.
    fn send(
        &self,
        stream: &mut TcpStream,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Option<Answer> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: a\r\nx-aegis-token: {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        stream.write_all(request.as_bytes()).ok()?;
        read_answer(stream, false)
    }
}

/// Kills the vault at a random moment after a random number of further writes.
fn kill_some_time(dev: &mut Dev, random: &mut Random, acknowledged: &AtomicUsize) {
    let end = acknowledged.load(Ordering::SeqCst) + random.below(LIFE);
    let start = Instant::now();
    while acknowledged.load(Ordering::SeqCst) < end && start.elapsed() < TIMEOUT {
        std::thread::sleep(Duration::from_micros(200));
    }
    std::thread::sleep(Duration::from_micros(random.below(3000) as u64));
    dev.child.kill().unwrap();
    dev.child.wait().unwrap();
}

fn check_all(writers: &mut [Writer], vault: &Connection) {
    let mut stream = vault.open().unwrap();
    let mut names = Vec::new();
    for secret in writers.iter_mut().flat_map(|writer| &mut writer.secrets) {
        secret.check(vault, &mut stream);
        names.extend(secret.possible[0].map(|_| secret.name.clone()));
    }
    names.sort();
    let list = vault.send(&mut stream, "GET", "/api/v1/secrets", None);
    let list = list.unwrap().success(200);
    let listed: Vec<&str> = list["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["key"].as_str().unwrap())
        .collect();
    assert_eq!(listed, names, "the list has exactly the written secrets");
}

#[test]
fn no_acknowledged_write_is_lost_and_none_is_torn() {
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seed = seed.unwrap().subsec_nanos().into();
    println!("seed {seed}");
    let (parent, mut random) = (tempfile::tempdir().unwrap(), Random::new(seed));
    let state = parent.path().join("state");
    let mut writers: Vec<Writer> = (1..=WRITERS as u64)
        .map(|id| Writer::new(id, seed))
        .collect();
    let acknowledged = AtomicUsize::new(0);
    let mut kills = 0;
    while acknowledged.load(Ordering::SeqCst) < WRITES {
        let mut dev = Dev::start_in(&state);
        let vault = Connection::to(&dev, &state);
        check_all(&mut writers, &vault);
        std::thread::scope(|scope| {
            for writer in &mut writers {
                scope.spawn(|| writer.run(&vault, &acknowledged));
            }
            kill_some_time(&mut dev, &mut random, &acknowledged);
        });
        kills += 1;
    }
    let dev = Dev::start_in(&state);
    check_all(&mut writers, &Connection::to(&dev, &state));
    dev.stop("TERM");
    assert_eq!(integrity(&state.join("vault.db")), "ok");
    println!("{kills} kills, {} writes", acknowledged.into_inner());
    assert!(kills >= WRITES / LIFE);
}

/// Returns the result of SQLite's integrity check.
fn integrity(database: &Path) -> String {
    let connection = rusqlite::Connection::open(database).unwrap();
    connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap()
}
