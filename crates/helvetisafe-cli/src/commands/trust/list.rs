//! `trust list`: all remembered org keys.

use helvetisafe::Timestamp;
use serde::Serialize;

use crate::failure::Failure;
use crate::session::{KnownVault, Trust};
use crate::ui::Ui;

/// An element of the output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    base_url: &'a str,
    account: &'a str,
    fingerprint: String,
    since: Timestamp,
    unconfirmed: bool,
}

impl<'a> Json<'a> {
    fn new(entry: &'a KnownVault) -> Self {
        Self {
            base_url: &entry.vault.base_url,
            account: &entry.vault.account,
            fingerprint: entry.fingerprint.to_string(),
            since: entry.since,
            unconfirmed: entry.unconfirmed,
        }
    }

    /// Returns the columns of a table.
    fn columns(&self) -> [String; 5] {
        let confirmed = match self.unconfirmed {
            true => "not for writing",
            false => "yes",
        };
        [
            self.base_url.to_owned(),
            self.account.to_owned(),
            self.fingerprint.clone(),
            format!("{:.0}", self.since),
            confirmed.to_owned(),
        ]
    }
}

/// Prints what is remembered, sorted by vault and account.
pub(super) fn run(insecure_permissions: bool, ui: &Ui) -> Result<(), Failure> {
    let entries = Trust::remembered_vaults(insecure_permissions)?;
    let mut entries: Vec<_> = entries.iter().map(Json::new).collect();
    entries.sort_by_key(|entry| (entry.base_url, entry.account));
    if ui.json {
        return ui.output.json(&entries);
    }
    if entries.is_empty() {
        ui.messages.note("no org key is remembered");
    }
    let rows: Vec<_> = entries.iter().map(Json::columns).collect();
    match ui.output.is_terminal() {
        true => table(&rows, ui),
        false => rows
            .iter()
            .try_for_each(|row| ui.output.line(&row.join("\t"))),
    }
}

fn table(rows: &[[String; 5]], ui: &Ui) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    let heading = ["VAULT", "ACCOUNT", "ORG KEY", "SINCE", "CONFIRMED"].map(str::to_owned);
    let width = |column: usize| {
        let cells = rows
            .iter()
            .chain([&heading])
            .map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths = [width(0), width(1), width(2), width(3), 0];
    let line = |row: &[String; 5]| {
        let cells = row.iter().zip(widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        cells.join("  ")
    };
    ui.output.heading(&line(&heading))?;
    rows.iter().try_for_each(|row| ui.output.line(&line(row)))
}
