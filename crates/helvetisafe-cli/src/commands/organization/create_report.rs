//! The output of `org create`, and the next step.

use std::path::Path;

use helvetisafe::Fingerprint;
use helvetisafe::organization::{AccountKeys, Words};
use serde::Serialize;

use crate::advice::shell_quoted;
use crate::commands::account_folder::{
    AccountFolder, CLIENT_SECRET, PRIVATE_KEY, Plan, SIGNING_KEY, Stage,
};
use crate::failure::Failure;
use crate::settings::Address;
use crate::ui::{Ui, table};

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json {
    action: &'static str,
    organization: String,
    account: String,
    name: String,
    org_key_fingerprint: String,
    org_key_words: String,
    verification_key: Option<String>,
    folder: String,
    config: String,
}

/// Prints what would be done, after an earlier run with the folder, if there was one.
pub(super) fn explain(
    (output_dir, name): (&Path, &str),
    address: &Address,
    begun: Option<&Plan>,
    changed: &[&str],
    ui: &Ui,
) -> Result<(), Failure> {
    let (folder, url) = (output_dir.display(), &address.base_url);
    let keys = format!("{CLIENT_SECRET}, {PRIVATE_KEY}, {SIGNING_KEY} and a profile");
    let found = format!("found an organization at {url} with the administrator `{name}`");
    ui.output.line(&match begun.map(|plan| plan.stage) {
        None => format!("would make {keys} in {folder}, and {found}"),
        Some(Stage::Begun) => format!(
            "would make {keys} in {folder}, in place of those of an interrupted command, and {found}"
        ),
        Some(Stage::Made) => format!(
            "would use {CLIENT_SECRET}, {PRIVATE_KEY} and {SIGNING_KEY} of an interrupted command, which exist in {folder}, write \
             the profile again, and {found}"
        ),
        Some(Stage::Accepted) if !changed.is_empty() => format!(
            "would write {} into the profile in {folder}, and check the keys there: the organization of `{name}` exists already",
            changed.join(" and ")
        ),
        Some(Stage::Accepted) => format!(
            "would only check the keys in {folder}: the organization of `{name}` exists already"
        ),
    })
}

/// Prints the organization and its founder, and the next step.
pub(super) fn report(
    plan: &Plan,
    keys: &AccountKeys,
    folder: &AccountFolder,
    action: &'static str,
    ui: &Ui,
) -> Result<(), Failure> {
    let fingerprint = plan.org_key_fingerprint.clone().unwrap_or_default();
    let words = fingerprint.parse::<Fingerprint>();
    let words = words.map(|it| Words::of_fingerprint(&it).to_string());
    let config = folder.config();
    let json = Json {
        action,
        organization: plan.organization.clone(),
        account: keys.client_id.clone(),
        name: plan.name.clone(),
        org_key_fingerprint: fingerprint,
        org_key_words: words.unwrap_or_default(),
        verification_key: keys
            .signing_key
            .as_ref()
            .map(|it| it.verification_key().to_string()),
        folder: folder.path().display().to_string(),
        config: config.display().to_string(),
    };
    if ui.json {
        ui.output.json(&json)?;
    } else {
        let values = [
            ("organization", json.organization),
            ("account", json.account),
            ("name", json.name),
            ("org key", json.org_key_fingerprint),
            ("its words", json.org_key_words),
            (
                "verification key",
                json.verification_key.unwrap_or_default(),
            ),
            ("profile", json.config),
        ];
        table::print_named(&values, &ui.output)?;
    }
    let config = shell_quoted(&config);
    ui.messages.note(format_args!(
        "next: store a copy of {} offline, since no one can restore these keys; then invite a second administrator, with \
         their name for NAME: `helvetisafe --config {config} org invite NAME --scopes administrator`",
        folder.path().display()
    ));
    Ok(())
}
