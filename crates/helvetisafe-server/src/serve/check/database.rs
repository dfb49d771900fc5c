//! Checks of the database: its file or its hosts, its tables, and the rights of its user.

mod disk;
mod primary;

use std::fmt::Display;
use std::path::Path;

use super::Checked;
use crate::folder::{check_folder_of, folder_of};
use crate::problem::Problem;
use crate::runtime::block_on;
use crate::serve::server;
use crate::store::{CHECK_OWNER, Database, Host, Primary, Role, Schema, StoreError, sqlite};
use crate::{Error, private_files};

const NAME: &str = "database";

pub(super) fn check(database: &Database, migrates: bool) -> Vec<Checked> {
    let subject = format!("database {database}");
    let checked = block_on(async {
        let found = database.hosts().await;
        let mut checks = match database.sqlite_file() {
            Some(path) => {
                let mut checks = file(database, path, &subject);
                checks.extend(disk::check(path));
                checks
            }
            None => hosts(&found, migrates),
        };
        // A database that cannot be used has no tables that can be read.
        if checks.iter().all(|it| it.status != super::Status::Fault) {
            let primary = found.iter().find_map(|it| Some((&*it.name, it.primary()?)));
            checks.extend(tables(database, migrates, &subject, primary).await);
        }
        Ok(checks)
    });
    checked.unwrap_or_else(|error| {
        let problem = Problem::new(subject, error, "free memory or threads of this machine");
        vec![Checked::fault(NAME, &problem)]
    })
}

/// Checks the file of SQLite and its folder.
fn file(database: &Database, path: &Path, subject: &str) -> Vec<Checked> {
    let folder = folder_of(path);
    if let Err(problem) = check_folder_of(path) {
        return vec![Checked::fault(NAME, &problem)];
    }
    if let Some((problem, remedy)) = sqlite::foreign(path) {
        return vec![Checked::fault(
            NAME,
            &Problem::new(subject, problem, remedy),
        )];
    }
    let mut problems = Vec::new();
    // SQLite writes its log beside the database.
    if let Err(error) = tempfile::tempfile_in(folder) {
        let problem = format_args!("files cannot be made in {}: {error}", folder.display());
        let remedy = "check the owner and the mode of the folder, and that its disk has space and is not read-only";
        problems.push(Problem::new(subject, problem, remedy));
    }
    if path.exists() {
        if let Err(error) = private_files::check_file(path) {
            problems.push(exposed(subject, &error));
        }
        if let Err(error) = std::fs::OpenOptions::new().append(true).open(path) {
            let reason = private_files::denied(path, &error);
            let problem = format_args!("cannot be written: {reason}");
            problems.push(Problem::new(subject, problem, CHECK_OWNER));
        }
    }
    if database.is_in_use() {
        let remedy = "stop that process, which may be this vault, or choose another path";
        problems.push(Problem::new(subject, "another process uses it", remedy));
    }
    let faults = problems.iter().map(|it| Checked::fault(NAME, it));
    let writable = private_files::is_writable_by_others(folder).unwrap_or(false);
    let warning = writable.then(|| {
        let remedy = format!("run chmod go-w {}", crate::error::quoted(folder));
        let problem = format_args!("other users can replace files in {}", folder.display());
        Checked::warning(NAME, &Problem::new(subject, problem, remedy))
    });
    faults.chain(warning).collect()
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

/// Checks the hosts of PostgreSQL. One of them has to accept writes.
fn hosts(hosts: &[Host], migrates: bool) -> Vec<Checked> {
    let mut primaries: Vec<_> = hosts.iter().filter_map(Host::primary).collect();
    // Two names of one server are one primary.
    primaries.sort_by(|a, b| a.started.cmp(&b.started));
    primaries.dedup_by(|a, b| a.started == b.started);
    let mut checks: Vec<_> = hosts
        .iter()
        .map(|it| host(it, !primaries.is_empty()))
        .collect();
    let names = || {
        let names = hosts.iter().filter(|it| it.primary().is_some());
        names.map(|it| &*it.name).collect::<Vec<_>>().join(" and ")
    };
    match &*primaries {
        // Each host has a fault of its own.
        [] if hosts.iter().all(|it| matches!(it.role, Role::Unusable(_))) => {}
        [] => {
            let remedy = "promote a standby, or name the primary in the URL of --database";
            let problem = Problem::new("database", "no host of the URL accepts writes", remedy);
            checks.push(Checked::fault(NAME, &problem));
        }
        [it] => checks.extend(primary::check(it, &names(), migrates)),
        _ => {
            let problem = "all accept writes, so that nodes could write to different databases";
            let remedy = "stop the old primary, or make it a standby of the new one";
            checks.push(Checked::fault(
                NAME,
                &Problem::new(names(), problem, remedy),
            ));
        }
    }
    checks
}

impl Host {
    fn primary(&self) -> Option<&Primary> {
        match &self.role {
            Role::Primary(primary) => Some(primary),
            Role::Standby | Role::Unusable(_) => None,
        }
    }
}

/// Returns the check of a host. A host that cannot be used is a fault only if there is no primary.
fn host(host: &Host, has_primary: bool) -> Checked {
    let name = &host.name;
    match &host.role {
        Role::Primary(primary) => Checked::ok(
            NAME,
            format_args!(
                "{name} accepts writes, PostgreSQL {}",
                version(primary.version)
            ),
        ),
        Role::Standby => Checked::ok(NAME, format_args!("{name} is a standby")),
        Role::Unusable(it) => {
            let problem = Problem::new(
                name,
                format_args!("cannot be used: {}", it.problem),
                it.remedy,
            );
            match has_primary {
                true => Checked::warning(NAME, &problem),
                false => Checked::fault(NAME, &problem),
            }
        }
    }
}

fn version(number: i32) -> impl Display {
    format!("{}.{}", number / 10_000, number % 10_000)
}

/// Checks that the tables are a vault's, then the rights on them, since those on the tables of another program do not matter.
async fn tables(
    database: &Database,
    migrates: bool,
    subject: &str,
    primary: Option<(&str, &Primary)>,
) -> Vec<Checked> {
    let found = database.migrations().await;
    let rights = primary.and_then(|(host, primary)| primary::missing_table_rights(primary, host));
    let migrations = match (found, rights) {
        (Err(StoreError::Failed(_)), Some(rights)) => return vec![rights],
        (Err(error), rights) => {
            let rights = rights.filter(|_| !matches!(error, StoreError::Foreign(_)));
            let fault = Checked::fault(NAME, &unreadable(database, subject, &error));
            return [fault].into_iter().chain(rights).collect();
        }
        (Ok(_), Some(rights)) => return vec![rights],
        (Ok(migrations), None) => migrations,
    };
    let schema = migrations.schema();
    let may_migrate = primary.is_none_or(|(_, primary)| primary.may_migrate);
    if let Some(problem) = server::schema_problem(database, schema, migrates && may_migrate) {
        return vec![Checked::fault(NAME, &problem)];
    }
    let other = migrations.other_table.map(|name| {
        let problem = format_args!("has tables of another program, such as {name}, too");
        let remedy =
            "give the vault a database of its own, so that rights and backups are for it alone";
        Checked::warning(NAME, &Problem::new(subject, problem, remedy))
    });
    let found = Checked::ok(
        NAME,
        format_args!("{database} {}", described(database, schema)),
    );
    [found].into_iter().chain(other).collect()
}

fn unreadable(database: &Database, subject: &str, error: &StoreError) -> Problem {
    let remedy = match database.is_shared() {
        true => {
            "check that it is a database of a vault, and that its user may read the table migrations"
        }
        false => "check that it is a database of a vault, and readable for this user",
    };
    match error.remedy() {
        Some(remedy) => Problem::new(subject, error, remedy),
        None => Problem::new(subject, format_args!("cannot be read: {error}"), remedy),
    }
}

fn described(database: &Database, schema: Schema) -> &'static str {
    match schema {
        Schema::Absent if database.is_shared() => "has no tables yet; serve makes them",
        Schema::Absent => "does not exist yet; serve makes it",
        Schema::Behind(_) => "has pending migrations; serve applies them",
        Schema::Ahead => "has the tables of a newer version, which this one can serve",
        // A problem above.
        Schema::Incompatible => "has the tables of a newer version",
        Schema::Current => "has the tables of this version",
    }
}
