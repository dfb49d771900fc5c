//! A PostgreSQL server for tests, which need neither root nor a network.
//!
//! [`database`] makes an empty database. The server is the one that the variable [`VARIABLE`] names by a URL, or it is
//! started in a temporary folder, with the programs in the folder that the variable names or in the usual places. Without
//! any, tests say that they are skipped.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "used by tests only, and a test fails loudly"
)]

#[cfg(unix)]
mod programs;
#[cfg(unix)]
mod server;

use std::io::Write;
use std::path::Path;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};

#[cfg(unix)]
pub use server::Server;

/// The variable that names a server: `postgres://USER@HOST:PORT/DATABASE?password_file=FILE`, or the folder of its
/// programs, or is `none`. The user has to be allowed to make databases and roles.
pub const VARIABLE: &str = "HELVETISAFE_TEST_POSTGRES";

/// A database of its own, removed on drop.
pub struct Database {
    server: String,
    name: String,
}

/// Makes an empty database on the server that all tests of a process share. `None`, with a message, if this machine has
/// no PostgreSQL.
#[must_use]
pub fn database() -> Option<Database> {
    let named = std::env::var(VARIABLE).unwrap_or_default();
    if named == "none" {
        skip("the variable HELVETISAFE_TEST_POSTGRES is none");
        return None;
    }
    let server = named.contains("://").then_some(named);
    server.or_else(own_server).map(Database::create)
}

/// Returns the URL of a server that the first test has started.
#[cfg(unix)]
fn own_server() -> Option<String> {
    static SERVER: std::sync::OnceLock<Option<Server>> = std::sync::OnceLock::new();
    let server = SERVER.get_or_init(|| Server::start(&[]));
    server.as_ref().map(Server::url)
}

#[cfg(not(unix))]
fn own_server() -> Option<String> {
    skip("the variable HELVETISAFE_TEST_POSTGRES names no PostgreSQL");
    None
}

/// Says once that tests are skipped, also if the output of tests is captured.
pub(crate) fn skip(reason: &str) {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let text = format!("the tests that need PostgreSQL are skipped: {reason}\n");
        let _ = std::io::stderr().write_all(text.as_bytes());
    });
}

impl Database {
    /// Makes an empty database on the server with this URL.
    #[must_use]
    pub fn create(server: String) -> Self {
        let mut random = [0; 8];
        getrandom::fill(&mut random).unwrap();
        let name = format!("test_{:016x}", u64::from_be_bytes(random));
        let database = Self { server, name };
        database.administer(format!("CREATE DATABASE {}", database.name));
        database
    }

    /// Returns its URL.
    #[must_use]
    pub fn url(&self) -> String {
        let (server, query) = self.server.split_once('?').unwrap_or((&self.server, ""));
        let (server, _) = server.rsplit_once('/').unwrap();
        format!("{server}/{}?{query}", self.name)
    }

    /// Runs a script of SQL in it.
    pub fn run(&self, script: &str) {
        run(&self.url(), script);
    }

    /// Makes a role with these rights alone, such as `SELECT ON secrets`, and returns its URL. Its password is in a file that only
    /// the caller can read.
    #[must_use]
    pub fn node(&self, rights: &[String], password_file: &Path) -> String {
        let role = format!("{}_node", self.name);
        let password = std::fs::read_to_string(password_file).unwrap();
        let grants = rights
            .iter()
            .map(|right| format!("GRANT {right} TO {role};"));
        self.run(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD '{password}'; GRANT USAGE ON SCHEMA public TO {role}; {}",
            grants.collect::<String>()
        ));
        let url = self.url();
        let (start, _) = url.split_once('?').unwrap();
        let (_, host) = start.split_once('@').unwrap();
        let path = password_file.display();
        format!("postgres://{role}@{host}?password_file={path}")
    }

    /// Makes transactions serializable from the next connection on, so that conflicts really happen.
    pub fn force_serializable(&self) {
        let name = &self.name;
        self.run(&format!(
            "ALTER DATABASE {name} SET default_transaction_isolation = serializable"
        ));
    }

    fn administer(&self, statement: String) {
        run(&self.server, &statement);
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A failed test leaves it, and may have failed because the server is gone.
        if std::thread::panicking() {
            return;
        }
        self.administer(format!("DROP DATABASE {} WITH (FORCE)", self.name));
        self.administer(format!("DROP ROLE IF EXISTS {}_node", self.name));
    }
}

/// Runs a script of SQL at a URL.
fn run(url: &str, script: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (options, script) = (options(url), AssertSqlSafe(script.to_owned()));
    // A thread of its own, since the caller's may have a runtime.
    let run = std::thread::spawn(move || {
        runtime.block_on(async {
            let mut connection = options.connect().await.unwrap();
            connection.execute(sqlx::raw_sql(script)).await.unwrap();
        });
    });
    run.join().unwrap();
}

/// Reads a URL, whose parameter `password_file` the driver does not know.
fn options(url: &str) -> PgConnectOptions {
    let (server, query) = url.split_once('?').unwrap_or((url, ""));
    let options: PgConnectOptions = server.parse().unwrap();
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    match parameters.find(|(name, _)| name == "password_file") {
        Some((_, path)) => {
            let password = std::fs::read_to_string(&*path).unwrap();
            options.password(password.trim_end())
        }
        None => options,
    }
}
