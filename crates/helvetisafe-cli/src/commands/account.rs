//! `account`: the account of the credential, as the vault states it.

use clap::Subcommand;
use helvetisafe::Scope;
use helvetisafe::organization::{Account, Words};
use serde::Serialize;

use super::member_name;
use crate::failure::Failure;
use crate::session::{Administration, Vault};
use crate::ui::{Ui, table};

const SHOW_EXAMPLES: &str = "\
Examples:
  helvetisafe account show
  helvetisafe account show --json | jq -r .organization";

const SCOPES_EXAMPLES: &str = "\
Examples:
  helvetisafe account scopes
  helvetisafe account scopes | grep -qx secrets:write";

/// Show this account: its organization, its scopes and the org key.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print the account, its organization and its org key.
    ///
    /// If a part of the signed chain is trusted, the chain is verified, and its head is remembered.
    #[command(after_help = SHOW_EXAMPLES)]
    Show,
    /// Print the scopes of the account, one a line.
    ///
    /// A credential may have fewer: an API token has scopes of its own.
    #[command(after_help = SCOPES_EXAMPLES)]
    Scopes,
}

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    organization: String,
    account: &'a str,
    name: Option<&'a str>,
    scopes: Vec<&'a str>,
    key_epoch: u64,
    org_key_fingerprint: String,
    org_key_words: String,
    /// The number of the newest entry of the chain; `null` if it was not verified.
    chain: Option<u64>,
    administrator: Option<bool>,
}

/// The output of `account scopes --json`.
#[derive(Serialize)]
struct JsonScopes<'a> {
    account: &'a str,
    scopes: Vec<&'a str>,
}

pub(crate) fn run(command: &Command, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let administration = Administration::to_read(vault, &[Scope::CredentialsRead])?;
    let account = administration.call(|organization| organization.account())?;
    match command {
        Command::Show => show(&administration, &account, ui),
        Command::Scopes => scopes(&account, ui),
    }
}

fn show(administration: &Administration<'_>, account: &Account, ui: &Ui) -> Result<(), Failure> {
    let chain = match account.has_chain && administration.has_anchor(account)? {
        true => Some(administration.chain()?),
        false => None,
    };
    let fingerprint = administration.org_key_fingerprint();
    let is_administrator = |chain: &helvetisafe::organization::Chain| {
        chain.administrators().contains_key(&account.account)
    };
    let json = Json {
        organization: account.organization.to_string(),
        account: &account.account,
        name: account.name.as_deref(),
        scopes: member_name::list(&account.scopes),
        key_epoch: account.key_epoch,
        org_key_fingerprint: fingerprint.to_string(),
        org_key_words: Words::of_fingerprint(&fingerprint).to_string(),
        chain: chain.as_ref().map(|chain| chain.head().sequence),
        administrator: chain.as_ref().map(is_administrator),
    };
    if ui.json {
        return ui.output.json(&json);
    }
    let chain = match (json.chain, json.administrator) {
        (Some(sequence), Some(true)) => {
            format!("verified up to entry {sequence}; an administrator")
        }
        (Some(sequence), _) => format!("verified up to entry {sequence}; a member"),
        (None, _) if account.has_chain => "not verified: nothing of it is trusted here".to_owned(),
        (None, _) => "none: the vault made this organization without administrators".to_owned(),
    };
    let values = [
        ("organization", json.organization),
        ("account", json.account.to_owned()),
        ("name", json.name.unwrap_or_default().to_owned()),
        ("scopes", json.scopes.join(" ")),
        ("org key", json.org_key_fingerprint),
        ("its words", json.org_key_words),
        ("key epoch", json.key_epoch.to_string()),
        ("chain", chain),
    ];
    table::print_named(&values, &ui.output)
}

fn scopes(account: &Account, ui: &Ui) -> Result<(), Failure> {
    let scopes = member_name::list(&account.scopes);
    if ui.json {
        return ui.output.json(&JsonScopes {
            account: &account.account,
            scopes,
        });
    }
    scopes.iter().try_for_each(|scope| ui.output.line(scope))
}
