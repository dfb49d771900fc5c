//! Verifies everything that `serve` needs, without serving.

use std::fmt;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use super::config::{self, Parsed};
use super::server;
use super::setting::Given;
use crate::problem::Problem;
use crate::store::{Database, Schema};
use crate::tls::{CertificateFiles, Pair};
use crate::{Error, private_files};

/// The result of [`check`].
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Set if `serve` would start.
    pub ok: bool,
    /// Every check that was made.
    pub checks: Vec<Checked>,
}

/// One check.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Checked {
    /// The subject: `configuration`, `certificate`, `listen`, `metrics-listen` or `database`.
    pub name: &'static str,
    /// The result.
    pub status: Status,
    /// The finding.
    pub text: String,
    /// The remedy; `None` if nothing is wrong.
    pub remedy: Option<String>,
}

/// The result of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// Nothing is wrong.
    Ok,
    /// `serve` starts, but the operator should act.
    Warning,
    /// `serve` would not start.
    Fault,
}

/// Checks the settings, the certificate and its key, whether the addresses are free, and the database with its
/// schema. Nothing is changed.
#[must_use]
pub fn check(given: Vec<Given>, file: Option<&Path>) -> Report {
    let parsed = config::parse(given, file);
    let mut checks = configuration(&parsed);
    if let Some(files) = &parsed.files {
        checks.extend(certificate(files));
    }
    checks.extend(parsed.listen.map(|it| address("listen", it)));
    checks.extend(
        parsed
            .metrics_listen
            .map(|it| address("metrics-listen", it)),
    );
    checks.extend(
        parsed
            .database
            .as_ref()
            .map(|it| database(it, parsed.migrates)),
    );
    let ok = checks.iter().all(|it| it.status != Status::Fault);
    Report { ok, checks }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for checked in &self.checks {
            let status = match checked.status {
                Status::Ok => "ok",
                Status::Warning => "warning",
                Status::Fault => "FAULT",
            };
            writeln!(f, "{status:8}{}: {}", checked.name, checked.text)?;
            if let Some(remedy) = &checked.remedy {
                writeln!(f, "{:8}to fix it: {remedy}", "")?;
            }
        }
        Ok(())
    }
}

impl Checked {
    fn ok(name: &'static str, text: impl fmt::Display) -> Self {
        Self {
            name,
            status: Status::Ok,
            text: text.to_string(),
            remedy: None,
        }
    }

    fn wrong(name: &'static str, status: Status, problem: &Problem) -> Self {
        Self {
            name,
            status,
            text: format!("{}: {}", problem.subject, problem.problem),
            remedy: Some(problem.remedy.clone()),
        }
    }

    fn fault(name: &'static str, problem: &Problem) -> Self {
        Self::wrong(name, Status::Fault, problem)
    }
}

fn configuration(parsed: &Parsed) -> Vec<Checked> {
    let name = "configuration";
    if parsed.problems.is_empty() {
        return vec![Checked::ok(name, "every setting is valid")];
    }
    let problems = parsed.problems.iter();
    problems
        .map(|problem| Checked::fault(name, problem))
        .collect()
}

fn certificate(files: &CertificateFiles) -> Vec<Checked> {
    let name = "certificate";
    let pair = match Pair::load(files) {
        Ok(pair) => pair,
        Err(problem) => return vec![Checked::fault(name, &problem)],
    };
    let now = Timestamp::now();
    let until = pair.validity().until;
    let days = until.duration_since(now).as_hours() / 24;
    let text = format_args!("fits its key, and expires at {until}, in {days} days").to_string();
    let warnings = pair.warnings(files, now);
    let warnings = warnings
        .iter()
        .map(|it| Checked::wrong(name, Status::Warning, it));
    [Checked::ok(name, text)]
        .into_iter()
        .chain(warnings)
        .collect()
}

fn address(name: &'static str, address: SocketAddr) -> Checked {
    let Err(error) = TcpListener::bind(address) else {
        return Checked::ok(name, format_args!("{address} is free"));
    };
    let (problem, remedy) = match error.kind() {
        ErrorKind::AddrInUse => (
            "is in use".to_owned(),
            "stop the process that listens there, which may be this vault, or choose another port",
        ),
        ErrorKind::PermissionDenied => (
            "is not permitted for this user".to_owned(),
            "choose a port from 1024, or grant CAP_NET_BIND_SERVICE",
        ),
        ErrorKind::AddrNotAvailable => (
            "is not an address of this machine".to_owned(),
            "choose one that ip address lists, or 0.0.0.0 or [::] for all",
        ),
        _ => (format!("cannot be used: {error}"), "choose another address"),
    };
    Checked::fault(name, &Problem::new(address, problem, remedy))
}

fn database(database: &Database, migrates: bool) -> Checked {
    let name = "database";
    match database_state(database, migrates) {
        Ok(text) => Checked::ok(name, format_args!("{database} {text}")),
        Err(problem) => Checked::fault(name, &problem),
    }
}

fn database_state(database: &Database, migrates: bool) -> Result<&'static str, Problem> {
    let subject = format!("database {database}");
    if let Some(path) = database.sqlite_file() {
        check_folder(path, &subject)?;
        if path.exists() {
            private_files::check_file(path).map_err(|error| exposed(&subject, &error))?;
        }
        if database.is_in_use() {
            let remedy = "stop that process, which may be this vault, or choose another path";
            return Err(Problem::new(subject, "another process uses it", remedy));
        }
    }
    let unreadable = |error: &dyn fmt::Display| {
        let remedy = "check that it is a database of a vault, and readable for this user";
        Problem::new(&subject, format_args!("cannot be read: {error}"), remedy)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| unreadable(&error))?;
    let migrations = runtime
        .block_on(database.migrations())
        .map_err(|error| unreadable(&error))?;
    let schema = migrations.schema();
    if let Some(problem) = server::schema_problem(database, schema, migrates) {
        return Err(problem);
    }
    Ok(match schema {
        Schema::Absent => "does not exist yet; serve makes it",
        Schema::Behind(_) => "has pending migrations; serve applies them",
        Schema::Current => "has the tables of this version",
        Schema::Ahead => "has the tables of a newer version, which this one can serve",
        // A problem above.
        Schema::Incompatible => "has the tables of a newer version",
    })
}

/// Checks that files can be made in the folder: SQLite writes its log beside the database.
fn check_folder(path: &Path, subject: &str) -> Result<(), Problem> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let made = tempfile::tempfile_in(folder);
    made.map(drop).map_err(|error| {
        let problem = format_args!("files cannot be made in {}: {error}", folder.display());
        Problem::new(
            subject,
            problem,
            "make the folder, with mode 0700 and owned by this user",
        )
    })
}

fn exposed(subject: &str, error: &Error) -> Problem {
    match error {
        Error::Exposed { path, mode } => {
            let remedy = format!("run chmod {mode} {}", crate::error::quoted(path));
            Problem::new(subject, "can be read by other users", remedy)
        }
        error => Problem::new(subject, error, "check the path and its permissions"),
    }
}
