//! The vault: a database with one account, and the processes that serve it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use helvetisafe_test_postgres::{Database, Server};
use serde_json::Value;
use tempfile::TempDir;

use crate::options::{Engine, Options};
use crate::processor;
use crate::requests::Requests;

/// The limits are off: an account would reach them.
const LIMITS: [&str; 3] = [
    "--limit-requests=off",
    "--limit-logins=off",
    "--limit-failed-logins=off",
];

/// A process of the vault. It is killed on drop.
pub(crate) struct Node {
    process: Child,
    pub(crate) address: SocketAddr,
}

/// A database with an organization of one account, and the nodes that serve it.
pub(crate) struct World {
    pub(crate) nodes: Vec<Node>,
    pub(crate) requests: Arc<Requests>,
    /// The database as the option takes it.
    database: String,
    /// The folder of `dev`, and of SQLite.
    pub(crate) folder: PathBuf,
    /// The folder around it, removed after the nodes.
    _home: TempDir,
    /// The process of PostgreSQL's server.
    server: Option<u32>,
    _postgres: Option<Database>,
}

impl World {
    /// Makes a database, and starts one node. `None` if this machine has no PostgreSQL.
    pub(crate) fn new(options: &Options, engine: Engine) -> Option<Self> {
        let home = tempfile::tempdir().unwrap();
        // The vault makes it, so that other users cannot read it.
        let folder = home.path().join("vault");
        let postgres = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Database::create(postgres()?.url())),
        };
        let database = match &postgres {
            Some(postgres) => postgres.url(),
            None => format!("sqlite:{}/vault.db", folder.display()),
        };
        let node = dev(options, &folder, postgres.is_some().then_some(&*database));
        let credentials = fs::read(folder.join("credentials.json")).unwrap();
        let credentials: Value = serde_json::from_slice(&credentials).unwrap();
        let token = credentials["api_token"].as_str().unwrap().to_owned();
        let mut world = Self {
            nodes: vec![node],
            requests: Arc::new(Requests::new(token)),
            database,
            folder,
            _home: home,
            server: postgres.as_ref().and_then(|_| postgres_process()),
            _postgres: postgres,
        };
        if !options.is_dev {
            world.nodes.clear();
            world.add_node(options);
        }
        Some(world)
    }

    /// Starts one more node.
    pub(crate) fn add_node(&mut self, options: &Options) {
        let mut command = Command::new(&options.server);
        command
            .args(["serve", "--max-connections=1024"])
            .args(LIMITS);
        command.args(["--listen=127.0.0.1:0", "--database", &self.database]);
        self.nodes.push(Node::start(command, Stream::Error));
    }

    /// Returns the processor time that the nodes and the database have used until now.
    pub(crate) fn processor_times(&self) -> [Duration; 2] {
        let nodes = self
            .nodes
            .iter()
            .map(|node| processor::time_of(node.process.id()));
        let database = self
            .server
            .map_or(Duration::ZERO, processor::time_of_children);
        [nodes.sum(), database]
    }

    /// Returns the size of the file of SQLite in bytes, without its log.
    pub(crate) fn file_size(&self) -> Option<u64> {
        let file = fs::metadata(self.folder.join("vault.db")).ok()?;
        Some(file.len())
    }
}

impl Node {
    /// Starts a process that prints its base URL.
    fn start(mut command: Command, stream: Stream) -> Self {
        match stream {
            Stream::Output => command.stdout(Stdio::piped()).stderr(Stdio::null()),
            Stream::Error => command.stdout(Stdio::null()).stderr(Stdio::piped()),
        };
        let mut process = command.spawn().unwrap();
        let output: Box<dyn std::io::Read + Send> = match stream {
            Stream::Output => Box::new(process.stdout.take().unwrap()),
            Stream::Error => Box::new(process.stderr.take().unwrap()),
        };
        let mut lines = BufReader::new(output).lines();
        let mut seen = Vec::new();
        let address = loop {
            let Some(Ok(line)) = lines.next() else {
                panic!("the vault has ended: {seen:?}");
            };
            seen.push(line.clone());
            if let Some((_, address)) = line.split_once("http://") {
                break address.trim_end_matches('\'').parse().unwrap();
            }
        };
        // Otherwise it would wait when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, address }
    }

    /// Returns the most memory that the process has had, in bytes.
    pub(crate) fn peak_memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
        Some(kibibytes * 1024)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

enum Stream {
    Output,
    Error,
}

/// Starts `dev`, which makes the account.
fn dev(options: &Options, folder: &Path, database: Option<&str>) -> Node {
    let mut command = Command::new(&options.server);
    command.args(["dev", "--listen=127.0.0.1:0"]).args(LIMITS);
    command.arg("--state").arg(folder);
    if let Some(database) = database {
        command.args(["--database", database]);
    }
    Node::start(command, Stream::Output)
}

/// Returns a PostgreSQL server that flushes each commit to the disk, unlike that of the tests.
fn postgres() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER
        .get_or_init(|| Server::start(&["-c", "fsync=on"]))
        .as_ref()
}

/// Returns the id of the server's first process.
fn postgres_process() -> Option<u32> {
    let file = format!("{}/data/postmaster.pid", postgres()?.folder());
    fs::read_to_string(file).ok()?.lines().next()?.parse().ok()
}
