//! Verifies everything that `serve` needs, without serving.

mod addresses;
mod database;

use std::fmt;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use super::config::{self, Parsed};
use super::open_files;
use super::setting::Given;
use crate::plural::counted;
use crate::private_files;
use crate::problem::Problem;
use crate::tls::{CertificateFiles, Pair};

/// The result of [`check`].
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Set if `serve` would start and serve.
    pub ok: bool,
    /// Every check that was made.
    pub checks: Vec<Checked>,
}

/// One check.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Checked {
    /// The subject: `configuration`, `certificate`, `listen`, `metrics-listen`, `trusted-proxy`, `open-files`, `database`,
    /// `standby` or `clock`.
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
    /// `serve` would not start, or would answer no requests or no logins.
    Fault,
}

const CONFIGURATION: &str = "configuration";

/// Checks the settings, the certificate and its key, whether the addresses are free and who reaches them, the number of
/// open files, and the database: each of its hosts, its tables, the rights of its user, its standby and its clock.
/// Nothing is changed. If the file cannot be read, that is the only fault.
#[must_use]
pub fn check(given: Vec<Given>, file: Option<&Path>) -> Report {
    let checks = match config::parse(given, file) {
        Ok(parsed) => checks(&parsed, file),
        Err(problem) => vec![Checked::fault(CONFIGURATION, &problem)],
    };
    let ok = checks.iter().all(|it| it.status != Status::Fault);
    Report { ok, checks }
}

fn checks(parsed: &Parsed, file: Option<&Path>) -> Vec<Checked> {
    let mut checks = configuration(parsed, file);
    if let Some(files) = &parsed.files {
        checks.extend(certificate(files));
    }
    checks.extend(addresses::check(parsed));
    checks.extend(
        open_files::problem(parsed.connections).map(|it| Checked::warning("open-files", &it)),
    );
    if let Some(database) = &parsed.database {
        checks.extend(database::check(database, parsed.migrates));
    }
    checks
}

impl Report {
    /// Adds problems of the configuration that were found elsewhere.
    pub fn refuse(&mut self, problems: &[Problem]) {
        if !problems.is_empty() {
            self.checks
                .retain(|it| it.name != CONFIGURATION || it.status != Status::Ok);
        }
        let faults = problems.iter().map(|it| Checked::fault(CONFIGURATION, it));
        self.checks.splice(0..0, faults);
        self.ok &= problems.is_empty();
    }
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

    fn warning(name: &'static str, problem: &Problem) -> Self {
        Self::wrong(name, Status::Warning, problem)
    }
}

fn configuration(parsed: &Parsed, file: Option<&Path>) -> Vec<Checked> {
    let name = CONFIGURATION;
    let mut checks: Vec<Checked> = parsed
        .problems
        .iter()
        .map(|it| Checked::fault(name, it))
        .collect();
    if checks.is_empty() {
        checks.push(Checked::ok(name, "every setting is valid"));
    }
    if let Some(file) = file
        && private_files::is_writable_by_others(file).unwrap_or(false)
    {
        let subject = format!("configuration file {}", file.display());
        let remedy = format!("run chmod go-w {}", crate::error::quoted(file));
        let problem = Problem::new(subject, "can be written by other users", remedy);
        checks.push(Checked::warning(name, &problem));
    }
    checks
}

fn certificate(files: &CertificateFiles) -> Vec<Checked> {
    let name = "certificate";
    let pair = match Pair::load(files) {
        Ok(pair) => pair,
        Err(problem) => return vec![Checked::fault(name, &problem)],
    };
    let now = Timestamp::now();
    let until = pair.validity().until;
    let days = counted(until.duration_since(now).as_hours() / 24, "day");
    let text = format_args!("fits its key, and expires at {until}, in {days}").to_string();
    let warnings = pair.warnings(files, now);
    let warnings = warnings.iter().map(|it| Checked::warning(name, it));
    [Checked::ok(name, text)]
        .into_iter()
        .chain(warnings)
        .collect()
}
