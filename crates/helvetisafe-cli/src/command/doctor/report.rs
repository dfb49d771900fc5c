//! What the checks found, printed as they end.

use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;

/// The checks in their order.
const CHECKS: [&str; 11] = [
    "configuration",
    "files",
    "name",
    "connection",
    "clock",
    "token",
    "scopes",
    "org-key",
    "trust",
    "binding",
    "round-trip",
];

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Ok,
    Warning,
    Failed,
    Skipped,
}

/// One element of what `--json` prints; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Line {
    check: &'static str,
    outcome: Outcome,
    message: String,
    /// The exit status, where it failed.
    status: Option<u8>,
}

pub(super) struct Report<'a> {
    context: &'a Context,
    lines: Vec<Line>,
    /// Why a line could not be printed.
    unprinted: Option<Failure>,
}

impl<'a> Report<'a> {
    pub(super) fn new(context: &'a Context) -> Self {
        Self {
            context,
            lines: Vec::with_capacity(CHECKS.len()),
            unprinted: None,
        }
    }

    /// The check at turn has nothing to complain about.
    pub(super) fn ok(&mut self, message: impl Into<String>) {
        self.add(Outcome::Ok, message.into(), None);
    }

    pub(super) fn warning(&mut self, message: impl Into<String>) {
        self.add(Outcome::Warning, message.into(), None);
    }

    pub(super) fn skipped(&mut self, message: impl Into<String>) {
        self.add(Outcome::Skipped, message.into(), None);
    }

    /// The check at turn failed, and the rest cannot be told.
    pub(super) fn failed(&mut self, failure: &Failure) {
        let failed = CHECKS.get(self.lines.len()).copied().unwrap_or_default();
        let message = failure.message().unwrap_or_default().to_owned();
        self.add(Outcome::Failed, message, Some(failure.status()));
        while self.lines.len() < CHECKS.len() {
            self.skipped(format!("needs {failed}"));
        }
    }

    /// Prints JSON where that is wanted; the status is the failure's.
    pub(super) fn end(self) -> Result<(), Failure> {
        if self.context.json() {
            self.context.output.json(&self.lines)?;
        }
        if let Some(failure) = self.unprinted {
            return Err(failure);
        }
        match self.lines.iter().find_map(|line| line.status) {
            Some(status) => Err(Failure::silent(status)),
            None => Ok(()),
        }
    }

    fn add(&mut self, outcome: Outcome, message: String, status: Option<u8>) {
        let Some(check) = CHECKS.get(self.lines.len()).copied() else {
            return;
        };
        let line = Line {
            check,
            outcome,
            message,
            status,
        };
        if !self.context.json()
            && let Err(failure) = self.context.output.line(&line.to_text())
        {
            self.unprinted.get_or_insert(failure);
        }
        self.lines.push(line);
    }
}

impl Line {
    fn to_text(&self) -> String {
        let outcome = match self.outcome {
            Outcome::Ok => "ok",
            Outcome::Warning => "warning",
            Outcome::Failed => "failed",
            Outcome::Skipped => "skipped",
        };
        format!("{outcome:7}  {:13}  {}", self.check, self.message)
    }
}
