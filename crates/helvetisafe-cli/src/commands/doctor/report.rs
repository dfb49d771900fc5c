//! The results of the checks, printed as they end.

use serde::Serialize;

use crate::failure::Failure;
use crate::ui::Ui;

/// The checks in their order. That of an administrator comes before `binding`.
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
    BINDING,
    "round-trip",
];
const ADMINISTRATOR: &str = "administrator";
const BINDING: &str = "binding";

/// One element of the output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Line {
    check: &'static str,
    /// `ok`, `warning`, `failed` or `skipped`.
    outcome: &'static str,
    message: String,
    /// The exit status, if the check failed.
    status: Option<u8>,
}

pub(super) struct Report<'a> {
    ui: &'a Ui,
    checks: Vec<&'static str>,
    lines: Vec<Line>,
    /// The failure to print a line.
    print_failure: Option<Failure>,
}

impl<'a> Report<'a> {
    pub(super) fn new(ui: &'a Ui) -> Self {
        Self {
            ui,
            checks: CHECKS.to_vec(),
            lines: Vec::with_capacity(CHECKS.len() + 1),
            print_failure: None,
        }
    }

    /// Adds the check of an administrator.
    pub(super) fn expect_administrator(&mut self) {
        let before = self.checks.iter().position(|it| *it == BINDING);
        if let Some(place) = before.filter(|_| !self.checks.contains(&ADMINISTRATOR)) {
            self.checks.insert(place, ADMINISTRATOR);
        }
    }

    /// The current check succeeded.
    pub(super) fn ok(&mut self, message: impl Into<String>) {
        self.add("ok", message.into(), None);
    }

    pub(super) fn warning(&mut self, message: impl Into<String>) {
        self.add("warning", message.into(), None);
    }

    pub(super) fn skipped(&mut self, message: impl Into<String>) {
        self.add("skipped", message.into(), None);
    }

    /// The current check failed. All later ones are skipped.
    pub(super) fn failed(&mut self, failure: &Failure) {
        let failed = self
            .checks
            .get(self.lines.len())
            .copied()
            .unwrap_or_default();
        let message = failure.message().unwrap_or_default().to_owned();
        self.add("failed", message, Some(failure.status()));
        while self.lines.len() < self.checks.len() {
            self.skipped(format!("needs {failed}"));
        }
    }

    /// Prints JSON, if selected. The status is that of the failure.
    pub(super) fn finish(self) -> Result<(), Failure> {
        if self.ui.json {
            self.ui.output.json(&self.lines)?;
        }
        if let Some(failure) = self.print_failure {
            return Err(failure);
        }
        match self.lines.iter().find_map(|line| line.status) {
            Some(status) => Err(Failure::silent(status)),
            None => Ok(()),
        }
    }

    fn add(&mut self, outcome: &'static str, message: String, status: Option<u8>) {
        let Some(check) = self.checks.get(self.lines.len()).copied() else {
            return;
        };
        let line = Line {
            check,
            outcome,
            message,
            status,
        };
        if !self.ui.json
            && let Err(failure) = self.ui.output.line(&line.to_text())
        {
            self.print_failure.get_or_insert(failure);
        }
        self.lines.push(line);
    }
}

impl Line {
    fn to_text(&self) -> String {
        format!("{:7}  {:13}  {}", self.outcome, self.check, self.message)
    }
}
