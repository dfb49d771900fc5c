//! `token list`.

use helvetisafe::organization::TokenRecord;
use helvetisafe::{Scope, Timestamp};
use serde::Serialize;

use crate::commands::member_name;
use crate::failure::Failure;
use crate::session::{Administration, Vault};
use crate::ui::output::Output;
use crate::ui::{Ui, table};

const EXAMPLES: &str = "\
Examples:
  helvetisafe token list
  helvetisafe token list --json | jq -r '.[] | select(.expires_at == null) | .id'";

/// List the API tokens of the account that have not expired. The tokens themselves are known to their holders alone.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {}

/// An element of the output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    id: String,
    name: Option<&'a str>,
    scopes: Vec<&'a str>,
    created_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
}

pub(super) fn run(vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let administration = Administration::to_read(
        vault,
        "cannot list the API tokens",
        &[Scope::CredentialsRead, Scope::TokensWrite],
    )?;
    let tokens = administration.call(|organization| organization.tokens())?;
    let tokens: Vec<_> = tokens.iter().map(Json::new).collect();
    if tokens.is_empty() && !ui.json {
        ui.messages.note("the account has no API token");
    }
    let heading = ["ID", "NAME", "EXPIRES", "CREATED", "SCOPES"];
    let now = Timestamp::now();
    table::print_list(&tokens, heading, |token| token.columns(now, &ui.output), ui)
}

impl<'a> Json<'a> {
    fn new(token: &'a TokenRecord) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name.as_deref(),
            scopes: member_name::list(&token.scopes),
            created_at: token.created_at,
            expires_at: token.expires_at,
        }
    }

    fn columns(&self, now: Timestamp, output: &Output) -> [String; 5] {
        let created = self.created_at.map(|time| format!("{time:.0}"));
        [
            self.id.clone(),
            self.name.unwrap_or_default().to_owned(),
            table::time(self.expires_at, now, output),
            created.unwrap_or_default(),
            member_name::column(&self.scopes, output),
        ]
    }
}
