//! The output of `org confirm`: the account of a request, or of a member.

use helvetisafe::organization::{ScopeList, Words};
use serde::Serialize;

use crate::commands::member_name;
use crate::failure::Failure;
use crate::ui::{Ui, table};

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    action: &'static str,
    name: &'a str,
    account: &'a str,
    scopes: Vec<&'a str>,
    words: String,
    dry_run: bool,
}

/// The account that a person compares before a confirmation.
pub(super) struct Shown<'a> {
    pub(super) name: &'a str,
    /// The client id.
    pub(super) account: &'a str,
    pub(super) scopes: &'a ScopeList,
    pub(super) words: Words,
}

impl Shown<'_> {
    /// Prints it, without `--json`.
    pub(super) fn show(&self, ui: &Ui) -> Result<(), Failure> {
        if ui.json {
            return Ok(());
        }
        let values = [
            ("name", self.name.to_owned()),
            ("account", self.account.to_owned()),
            ("scopes", self.scopes.as_str().to_owned()),
            ("words", self.words.to_string()),
        ];
        table::print_named(&values, &ui.output)
    }

    /// Prints it with the outcome, with `--json`.
    pub(super) fn report(
        &self,
        action: &'static str,
        dry_run: bool,
        ui: &Ui,
    ) -> Result<(), Failure> {
        if !ui.json {
            return Ok(());
        }
        ui.output.json(&Json {
            action,
            name: self.name,
            account: self.account,
            scopes: member_name::list(self.scopes),
            words: self.words.to_string(),
            dry_run,
        })
    }
}
