//! `account`: the account of the credential, as the vault states it.

use clap::Subcommand;
use helvetisafe::Scope;
use helvetisafe::organization::{Account, Chain, Words};
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
    /// Print the scopes of the account, or of the API token that is used, one a line.
    ///
    /// An API token has scopes of its own, which are some of the account's.
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
    /// Those of the API token; `null` for a client id.
    token_scopes: Option<Vec<&'a str>>,
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
    token_scopes: Option<Vec<&'a str>>,
}

pub(crate) fn run(command: &Command, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let administration =
        Administration::to_read(vault, "cannot read the account", &[Scope::CredentialsRead])?;
    let account = administration.account()?;
    match command {
        Command::Show => show(&administration, account, vault, ui),
        Command::Scopes => scopes(account, vault, ui),
    }
}

fn show(
    administration: &Administration<'_>,
    account: &Account,
    vault: &Vault,
    ui: &Ui,
) -> Result<(), Failure> {
    let chain = match account.has_chain && administration.has_anchor(account)? {
        true => Some(administration.chain()?),
        false => None,
    };
    let fingerprint = administration.org_key_fingerprint();
    let is_administrator = |chain: &Chain| chain.administrators().contains_key(&account.account);
    let json = Json {
        organization: account.organization.to_string(),
        account: &account.account,
        name: account.name.as_deref(),
        scopes: member_name::list(&account.scopes),
        token_scopes: token_scopes(account, vault)?,
        // The chain is newer than the answer with the account.
        key_epoch: chain.as_ref().map_or(account.key_epoch, Chain::epoch),
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
    let token_scopes = json.token_scopes.map(|scopes| scopes.join(" "));
    let values = [
        ("organization", Some(json.organization)),
        ("account", Some(json.account.to_owned())),
        ("name", Some(json.name.unwrap_or_default().to_owned())),
        ("scopes", Some(json.scopes.join(" "))),
        ("of the token", token_scopes),
        ("org key", Some(json.org_key_fingerprint)),
        ("its words", Some(json.org_key_words)),
        ("key epoch", Some(json.key_epoch.to_string())),
        ("chain", Some(chain)),
    ];
    let values = values.into_iter();
    let values: Vec<_> = values
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    table::print_named(&values, &ui.output)
}

fn scopes(account: &Account, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let of_account = member_name::list(&account.scopes);
    let of_token = token_scopes(account, vault)?;
    if ui.json {
        return ui.output.json(&JsonScopes {
            account: &account.account,
            scopes: of_account,
            token_scopes: of_token,
        });
    }
    if of_token.is_some() {
        ui.messages.note(format_args!(
            "these are the scopes of the API token; its account has {}",
            account.scopes.as_str()
        ));
    }
    let scopes = of_token.unwrap_or(of_account);
    scopes.iter().try_for_each(|scope| ui.output.line(scope))
}

/// Returns the scopes of the API token; `None` for a client id.
fn token_scopes<'a>(account: &'a Account, vault: &Vault) -> Result<Option<Vec<&'a str>>, Failure> {
    let is_token = vault.settings()?.uses_api_token();
    Ok(is_token.then(|| member_name::list(&account.granted)))
}
