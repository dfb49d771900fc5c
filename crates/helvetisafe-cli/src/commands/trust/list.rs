//! `trust list`: all remembered org keys.

use helvetisafe::Timestamp;
use serde::Serialize;

use crate::failure::Failure;
use crate::session::{KnownVault, Trust};
use crate::ui::{Ui, table};

/// An element of the output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    base_url: &'a str,
    account: &'a str,
    fingerprint: String,
    since: Timestamp,
    unconfirmed: bool,
    organization: Option<&'a str>,
    /// The number of the newest verified entry of the organization's chain.
    chain: Option<u64>,
}

impl<'a> Json<'a> {
    fn new(entry: &'a KnownVault) -> Self {
        let organization = entry.organization.as_ref();
        Self {
            base_url: &entry.vault.base_url,
            account: &entry.vault.account,
            fingerprint: entry.fingerprint.to_string(),
            since: entry.since,
            unconfirmed: entry.unconfirmed,
            organization: organization.map(|it| it.id.as_str()),
            chain: organization.map(|it| it.head.sequence),
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
    let heading = ["VAULT", "ACCOUNT", "ORG KEY", "SINCE", "CONFIRMED"];
    table::print(heading, &rows, &ui.output)
}
