//! The output of `org recovery-kit`, and the next step.

use std::path::Path;

use helvetisafe::organization::{AccountKeys, Chain, SigningKey};
use serde::Serialize;

use super::recovery_readme::README;
use crate::advice::{self, shell_quoted};
use crate::commands::account_folder::{
    AccountFolder, CLIENT_SECRET, PRIVATE_KEY, Plan, SIGNING_KEY, Stage,
};
use crate::failure::Failure;
use crate::ui::{Ui, table};

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    action: &'static str,
    organization: &'a str,
    /// `None` in a dry run.
    account: Option<&'a str>,
    name: &'a str,
    org_key_fingerprint: String,
    verification_key: Option<String>,
    folder: String,
    config: Option<String>,
    dry_run: bool,
}

/// Prints what would be done, after an earlier run with the folder, if there was one.
pub(super) fn explain(
    (output_dir, name): (&Path, &str),
    chain: &Chain,
    begun: Option<&Plan>,
    changed: &[&str],
    ui: &Ui,
) -> Result<(), Failure> {
    let folder = output_dir.display();
    let stage = begun.map(|plan| plan.stage);
    if ui.json {
        let is_made = stage == Some(Stage::Accepted);
        return ui.output.json(&Json {
            action: if is_made { "unchanged" } else { "created" },
            organization: chain.organization(),
            account: None,
            name,
            org_key_fingerprint: chain.fingerprint().to_string(),
            verification_key: None,
            folder: folder.to_string(),
            config: None,
            dry_run: true,
        });
    }
    let keys = format!("{CLIENT_SECRET}, {PRIVATE_KEY}, {SIGNING_KEY}");
    let account = format!(
        "the administrator `{}` in the organization {}",
        name,
        chain.organization()
    );
    ui.output.line(&match stage {
        None => format!("would make {keys}, {README} and a profile in {folder}, and {account}"),
        Some(Stage::Begun) => format!(
            "would make {keys}, {README} and a profile in {folder}, in place of those of an interrupted command, and {account}"
        ),
        Some(Stage::Made) => format!(
            "would use {keys} of an interrupted command, which exist in {folder}, write {README} and the profile again, and make \
             {account}"
        ),
        Some(Stage::Accepted) if !changed.is_empty() => format!(
            "would write {} into the profile in {folder}, and check the keys there: they are those of {account}",
            changed.join(" and ")
        ),
        Some(Stage::Accepted) => {
            format!("would only check the keys in {folder}: they are those of {account}")
        }
    })
}

/// Prints the account, and the next step.
pub(super) fn report(
    plan: &Plan,
    keys: &AccountKeys,
    folder: &AccountFolder,
    action: &'static str,
    is_unchanged: bool,
    ui: &Ui,
) -> Result<(), Failure> {
    let verification_key = keys.signing_key.as_ref().map(SigningKey::verification_key);
    let json = Json {
        action,
        organization: &plan.organization,
        account: Some(&keys.client_id),
        name: &plan.name,
        org_key_fingerprint: plan.org_key_fingerprint.clone().unwrap_or_default(),
        verification_key: verification_key.map(|key| key.to_string()),
        folder: folder.path().display().to_string(),
        config: Some(folder.config().display().to_string()),
        dry_run: false,
    };
    match ui.json {
        true => ui.output.json(&json)?,
        false => print(json, ui)?,
    }
    if action == "unchanged" {
        let changes = if is_unchanged {
            "; nothing was changed"
        } else {
            ""
        };
        ui.messages.note(format_args!(
            "the account exists already, and can be used{changes}"
        ));
    }
    ui.messages.note(format_args!(
        "next: test it with `helvetisafe --config {} doctor`, now, and on the media once a year; move {} to offline media, as its \
         {README} says, and delete it here; after its use make a new kit, disable this one with {}, and then replace the org key",
        shell_quoted(&folder.config()),
        shell_quoted(folder.path()),
        advice::command_about("org disable", &plan.name)
    ));
    Ok(())
}

fn print(json: Json<'_>, ui: &Ui) -> Result<(), Failure> {
    let values = [
        ("organization", json.organization.to_owned()),
        ("account", json.account.unwrap_or_default().to_owned()),
        ("name", json.name.to_owned()),
        ("org key", json.org_key_fingerprint),
        (
            "verification key",
            json.verification_key.unwrap_or_default(),
        ),
        ("profile", json.config.unwrap_or_default()),
    ];
    table::print_named(&values, &ui.output)
}
