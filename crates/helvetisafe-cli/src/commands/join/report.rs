//! The output of `join`, and the next step.

use std::path::Path;

use helvetisafe::Timestamp;
use helvetisafe::organization::{AccountKeys, InvitationStatus, Joining, Terms};
use serde::Serialize;

use crate::advice::{self, shell_quoted};
use crate::commands::account_folder::AccountFolder;
use crate::commands::member_name;
use crate::failure::Failure;
use crate::ui::{Ui, expiry, table};

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    state: &'static str,
    organization: String,
    name: &'a str,
    scopes: Vec<&'a str>,
    expires_at: Timestamp,
    account: Option<&'a str>,
    words: Option<String>,
    org_key_fingerprint: String,
    folder: Option<String>,
    config: Option<String>,
}

/// Prints the state of an invitation, and of the request if one was sent.
pub(super) fn report(
    terms: &Terms,
    joined: Option<(&Joining, &AccountKeys, &AccountFolder)>,
    ui: &Ui,
) -> Result<(), Failure> {
    let state = match (terms.status, joined) {
        (InvitationStatus::Confirmed, _) => "confirmed",
        (InvitationStatus::Pending, None) => "invited",
        _ => "joined",
    };
    let config = joined.map(|(_, _, folder)| folder.config());
    let json = Json {
        state,
        organization: terms.organization.to_string(),
        name: &terms.name,
        scopes: member_name::list(&terms.scopes),
        expires_at: terms.expires_at,
        account: joined.map(|(_, keys, _)| keys.client_id.as_str()),
        words: joined.map(|(joining, _, _)| joining.words.to_string()),
        org_key_fingerprint: terms.fingerprint.to_string(),
        folder: joined.map(|(_, _, folder)| folder.path().display().to_string()),
        config: config.as_ref().map(|config| config.display().to_string()),
    };
    match ui.json {
        true => ui.output.json(&json),
        false => print(&json, ui),
    }
}

fn print(json: &Json<'_>, ui: &Ui) -> Result<(), Failure> {
    let expires = expiry::in_words(Some(json.expires_at), Timestamp::now());
    let values = [
        ("state", Some(json.state.to_owned())),
        ("organization", Some(json.organization.clone())),
        ("name", Some(json.name.to_owned())),
        ("scopes", Some(json.scopes.join(" "))),
        (
            "expires",
            Some(expires).filter(|_| json.state != "confirmed"),
        ),
        ("org key", Some(json.org_key_fingerprint.clone())),
        ("account", json.account.map(str::to_owned)),
        ("words", json.words.clone()),
        ("profile", json.config.clone()),
    ];
    let values = values.into_iter();
    let values: Vec<_> = values
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    table::print_named(&values, &ui.output)
}

/// Names the next step. An interrupted command needs the code, a complete one does not.
pub(super) fn next(terms: &Terms, folder: &AccountFolder, code_file: Option<&Path>, ui: &Ui) {
    let config = shell_quoted(&folder.config());
    let code = code_file.filter(|path| path.is_file());
    let delete = code.map_or_else(String::new, |path| {
        let path = advice::argument(&path.display().to_string());
        format!("; `rm {path}` deletes the code, which is not needed any more")
    });
    let advice = match terms.status {
        InvitationStatus::Confirmed => {
            format!("next: `helvetisafe --config {config} doctor` checks the new account{delete}")
        }
        _ => format!(
            "next: read the words to the administrator who invited you, on another channel than that of the code; after the \
             confirmation, `helvetisafe --config {config} doctor` checks the new account{delete}"
        ),
    };
    ui.messages.note(advice);
}
