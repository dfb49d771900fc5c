//! The check of an administrator: its signing key, and its scopes for administration.

use helvetisafe::organization::{Account, Chain, ScopeList};
use helvetisafe::{Client, Scope};

use super::report::Report;
use crate::advice;
use crate::commands::{member_name, organization};
use crate::failure::Failure;
use crate::session::{Administration, Budget, CHANGE};
use crate::settings::Settings;

const ROTATE: &str = "`org rotate`";

/// Verbs, and the scopes that they need besides `credentials:read`.
const VERBS: [(&str, &[Scope]); 5] = [
    ("`org members`", &[Scope::OrganizationRead]),
    (
        "each of `org invite`, `confirm`, `disable` and `recovery-kit`",
        &CHANGE,
    ),
    (ROTATE, &organization::ROTATION),
    ("`token`", &[Scope::TokensWrite]),
    ("`audit`", &[Scope::AuditRead]),
];

/// Checks that the signing key can be used, and is that of this account in the verified chain. Missing scopes are a warning.
/// The profile of another member has no such check.
pub(super) fn check(
    report: &mut Report<'_>,
    settings: &Settings,
    client: &Client,
    chain: Option<&Chain>,
    budget: &Budget,
) -> Result<(), Failure> {
    if !settings.has_signing_key() {
        warn_without_key(report, settings, chain);
        return Ok(());
    }
    let key = settings.signing_key().map_err(|failure| {
        failure.with_advice("if the key is lost, use another copy of the account's folder")
    })?;
    let calls = budget.limit_calls(client.organization());
    let account = budget.spend(|| calls.account())?;
    match (key, chain) {
        (Some(key), Some(chain)) => {
            Administration::check_signer(chain, &account.account, &key)?;
            report_scopes(report, &account, settings.uses_api_token());
        }
        _ => report.skipped("no signed chain was verified"),
    }
    Ok(())
}

/// Warns of an administrator whose profile has no signing key: it can use secrets, and change nothing in the organization.
fn warn_without_key(report: &mut Report<'_>, settings: &Settings, chain: Option<&Chain>) {
    let account = settings.client_id().zip(chain);
    if account.is_none_or(|(account, chain)| !chain.administrators().contains_key(account)) {
        return;
    }
    report.expect_administrator();
    report.warning(
        "this account is an administrator in the signed chain, and the profile has no signing key: it cannot invite, confirm \
         or disable members, or replace the org key; give signing_key_path, or use the profile in the account's own folder",
    );
}

/// Compares the scopes of the account with those that the verbs need. An API token has scopes of its own.
fn report_scopes(report: &mut Report<'_>, account: &Account, is_token: bool) {
    const SIGNER: &str = "the signing key is that of this administrator in the signed chain";
    const BY_CLIENT: &str =
        "`org rotate` and `token create` need the client id and secret of the account";
    let (whose, scopes) = match is_token {
        true => ("scopes of the API token", &account.granted),
        false => ("scopes", &account.scopes),
    };
    let owned = member_name::list(scopes);
    let owned = Scope::ADMINISTRATIVE
        .iter()
        .filter(|it| owned.contains(&it.as_str()));
    let mut text = match names(owned) {
        owned if owned.is_empty() => format!("{SIGNER}; {whose}: none for administration"),
        owned => format!("{SIGNER}; {whose}: {owned}"),
    };
    if is_token {
        text = format!("{text}; {BY_CLIENT}");
    }
    let lacking = lacking(scopes, is_token);
    match lacking.is_empty() {
        true => report.ok(text),
        false => report.warning(format!(
            "{text}; {}; if they are needed, {}",
            lacking.join("; "),
            remedy(account, is_token)
        )),
    }
}

/// Returns the verbs that need other scopes. An API token cannot replace the org key, whatever scopes it has.
fn lacking(scopes: &ScopeList, is_token: bool) -> Vec<String> {
    let scopes = member_name::list(scopes);
    let verbs = VERBS
        .iter()
        .filter(|(verbs, _)| !is_token || *verbs != ROTATE);
    let lacking = verbs.filter_map(|(verbs, needed)| {
        let missing = names(needed.iter().filter(|it| !scopes.contains(&it.as_str())));
        (!missing.is_empty()).then(|| format!("{verbs} needs {missing}"))
    });
    lacking.collect()
}

/// Returns the source of more scopes.
fn remedy(account: &Account, is_token: bool) -> String {
    if is_token && lacking(&account.scopes, is_token).is_empty() {
        return "use the client id and secret of the account, or make another token with more scopes"
            .to_owned();
    }
    let own = member_name::list(&account.scopes);
    match CHANGE.iter().all(|scope| own.contains(&scope.as_str())) {
        true => format!(
            "invite a new account with more scopes, with {}",
            advice::command("org invite NAME --scopes administrator")
        ),
        false => "ask another administrator to invite a new account with more scopes".to_owned(),
    }
}

fn names<'s>(scopes: impl Iterator<Item = &'s Scope>) -> String {
    let names: Vec<_> = scopes.map(|scope| scope.as_str()).collect();
    names.join(" ")
}
