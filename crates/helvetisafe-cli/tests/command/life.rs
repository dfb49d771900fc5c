//! The whole life of an organization, `life.txt`, with processes of `helvetisafe` and `helvetisafe-server`: on SQLite, and on
//! PostgreSQL with three nodes. Afterwards everything that the operator of the vault can read is searched for every secret:
//! the database, the logs, and the traffic, which is in plain HTTP here.
//!
//! Credentials have to be sent, since the vault compares their hashes: the client secret in the request for an access token,
//! that token in its answer, and each of them, the API token, the bootstrap token and the token of an invitation in the
//! header of requests. Only these places are left out, only in the traffic, and only for these credentials.

mod front;
mod node;
mod secrets;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use helvetisafe_test_postgres::Server;
use helvetisafe_test_support::Search;
use tempfile::TempDir;

use crate::transcript::{Stage, check};
use crate::world::prepare;
use front::{Exchange, Front};
use node::Node;
use secrets::Secrets;

/// The values that `life.txt` stores.
const VALUES: [&str; 2] = [
    "first-value-Xei7ohquoo1Ahphu",
    "second-value-aeGh1ohNgohj6eiX",
];

/// The vault of an organization, and the folder of its people.
struct Life {
    folder: TempDir,
    /// The folder of the vault.
    vault: TempDir,
    /// PostgreSQL, or `None` for a SQLite file in the folder of the vault.
    server: Option<Server>,
    front: Front,
    nodes: Mutex<Vec<Node>>,
}

impl Life {
    /// `None`, with a message, if the program of the vault is not built.
    fn new(server: Option<Server>) -> Option<Self> {
        if !node::program().exists() {
            eprintln!(
                "skipped: helvetisafe-server is not built; run `cargo build -p helvetisafe-server`"
            );
            return None;
        }
        Some(Self {
            folder: tempfile::tempdir().unwrap(),
            vault: tempfile::tempdir().unwrap(),
            server,
            front: Front::start(),
            nodes: Mutex::default(),
        })
    }

    fn database(&self) -> String {
        match &self.server {
            Some(server) => server.url(),
            None => format!("sqlite:{}", self.vault.path().join("vault.db").display()),
        }
    }

    /// Runs a command as Bob.
    fn bob(&self, arguments: &[&str]) {
        let mut command = Command::new("./as");
        self.prepare(&mut command);
        let output = command.arg("bob").args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// Returns the contents of every file of the database, of the logs, and the traffic with and without credentials.
    fn places(&self) -> Places {
        let exchanges = self.front.exchanges();
        let of = |bytes: fn(&Exchange) -> Vec<u8>| all(exchanges.iter().map(bytes));
        if let Some(server) = &self.server {
            server.execute("CHECKPOINT");
        }
        let database = match &self.server {
            Some(server) => files_below(Path::new(server.folder())),
            None => files_below(self.vault.path()),
        };
        Places {
            database: all(database.iter().filter_map(|it| fs::read(it).ok())),
            logs: all(self.nodes.lock().unwrap().iter().map(Node::log)),
            traffic: of(Exchange::bytes),
            traffic_without_credentials: of(Exchange::bytes_without_credentials),
        }
    }
}

struct Places {
    database: Vec<u8>,
    logs: Vec<u8>,
    traffic: Vec<u8>,
    traffic_without_credentials: Vec<u8>,
}

impl Stage for Life {
    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn prepare(&self, command: &mut Command) {
        prepare(command, self.folder.path());
    }

    fn names(&self, _: &str) -> Vec<(&'static str, String)> {
        vec![
            // As an advised command has the URL of PostgreSQL.
            ("DATABASE", format!("'{}'", self.database())),
            ("DATABASE", self.database()),
            ("URL", self.front.base_url()),
            ("DIR", self.folder.path().to_str().unwrap().to_owned()),
        ]
    }

    fn serve(&self) {
        let count = if self.server.is_some() { 3 } else { 1 };
        let logs = (0..count).map(|number| self.vault.path().join(format!("log.{number}")));
        let nodes: Vec<_> = logs
            .map(|log| Node::start(&self.database(), &log))
            .collect();
        nodes.iter().for_each(|node| self.front.add(node.address()));
        *self.nodes.lock().unwrap() = nodes;
    }
}

/// Returns the parts with a separator, so that nothing is found across the border of two parts.
fn all(parts: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    parts.into_iter().collect::<Vec<_>>().join(&[0xff; 8][..])
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files_below(&path),
            false => vec![path],
        })
        .collect()
}

/// Texts that have to be found, which shows that the search reaches a place.
fn public() -> Search {
    Search::default()
        .with("a name", b"DATABASE_PASSWORD_OF_THE_SHOP")
        .with("a template", b"/api/v1/secrets/{key}")
}

fn live_and_search(server: Option<Server>) {
    let Some(life) = Life::new(server) else {
        return;
    };
    check("life", &life);
    let secrets = Secrets::collect(life.folder(), &life.front.exchanges(), &VALUES);
    assert_eq!(
        secrets.org_keys.len(),
        3,
        "one org key more for each rotation"
    );
    search(&secrets, &life.places());

    // A secret that is planted as a name is found.
    let org_key = secrets.org_keys.first().unwrap();
    let hex: String = org_key.iter().map(|byte| format!("{byte:02x}")).collect();
    life.bob(&["set", &format!("K{hex}"), "--generate"]);
    let planted = life.places();
    assert_planted(&secrets, &planted.database);
    assert_planted(&secrets, &planted.traffic);
    if life.server.is_none() {
        // The stop moves the write-ahead log into the file.
        life.nodes.lock().unwrap().iter_mut().for_each(Node::stop);
        let database = life.places().database;
        assert_planted(&secrets, &database);
        search_credentials(&secrets, &database);
    }
}

/// Fails unless the planted org key is found, and nothing else.
fn assert_planted(secrets: &Secrets, bytes: &[u8]) {
    let found: Vec<_> = secrets.keys.find(bytes).into_iter().collect();
    assert_eq!(found, ["an org key, in hex"]);
}

fn search(secrets: &Secrets, places: &Places) {
    let public = public();
    for (place, bytes, reached) in [
        ("database", &places.database, "a name, as it is"),
        ("logs", &places.logs, "a template, as it is"),
        ("traffic", &places.traffic, "a name, as it is"),
    ] {
        assert!(public.find(bytes).contains(reached), "{place}");
        assert_eq!(secrets.keys.find(bytes), [].into(), "{place}");
    }
    for bytes in [
        &places.database,
        &places.logs,
        &places.traffic_without_credentials,
    ] {
        search_credentials(secrets, bytes);
    }
    let sent = secrets.credentials.find(&places.traffic);
    for credential in [
        "bootstrap, as it is",
        "client-secret, as it is",
        "bob.token, as it is",
        "an access token, as it is",
        "the token of an invitation, in base64url",
    ] {
        assert!(sent.contains(credential), "{credential}: {sent:?}");
    }
}

fn search_credentials(secrets: &Secrets, bytes: &[u8]) {
    assert_eq!(secrets.credentials.find(bytes), [].into());
}

#[test]
fn on_sqlite() {
    live_and_search(None);
}

#[test]
fn on_postgresql_with_three_nodes() {
    // With the parameters of all statements in the log.
    let logged = [
        "-c",
        "log_statement=all",
        "-c",
        "log_parameter_max_length_on_error=-1",
    ];
    if let Some(server) = Server::start(&logged) {
        live_and_search(Some(server));
    }
}
