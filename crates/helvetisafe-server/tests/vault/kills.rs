//! `kill -9` while it writes: whatever was acknowledged is there, whole, after the next start.

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

/// How long a vault on a busy machine may take for a write.
const PATIENCE: Duration = Duration::from_secs(30);

/// The writes that a vault lives to acknowledge: fewer than this.
const LIFE: usize = 120;

/// A secret that one writer alone writes, and every state in which it may be: the one that was
/// acknowledged last, and those that were asked for since without an answer. A state is the number
/// of the write that made it, or `None` where there is no secret.
struct Tracked {
    name: String,
    possible: Vec<Option<u64>>,
}

struct Writer {
    secrets: Vec<Tracked>,
    random: Random,
    /// The number of its last write, which no other writer uses.
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

    /// Writes until the vault is gone.
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
    /// A write that has to succeed in the state that it is in, and the state after it.
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

    /// What is stored has to be one of the possible states, whole; from now on it is the only one.
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

/// The value and the nonce that a write stores; from one page of the database to several.
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

/// Where a vault is, and the token for it.
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

    /// `None` when the vault was killed already.
    fn open(&self) -> Option<TcpStream> {
        let stream = TcpStream::connect(&self.address).ok()?;
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Some(stream)
    }

    /// `None` when the vault was gone before its answer was here, all of it.
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

/// Kills the vault after a random number of further writes, at whatever it is doing then.
fn kill_some_time(dev: &mut Dev, random: &mut Random, acknowledged: &AtomicUsize) {
    let end = acknowledged.load(Ordering::SeqCst) + random.below(LIFE);
    let start = Instant::now();
    while acknowledged.load(Ordering::SeqCst) < end && start.elapsed() < PATIENCE {
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
    assert_eq!(listed, names, "nothing is there that nobody wrote");
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

/// What SQLite itself says of the file.
fn integrity(database: &Path) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        sqlx::query_scalar("PRAGMA integrity_check")
            .fetch_one(&pool)
            .await
            .unwrap()
    })
}
