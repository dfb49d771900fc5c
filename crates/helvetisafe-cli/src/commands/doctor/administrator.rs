//! The check of an administrator: its signing key, and its scopes for administration.

use helvetisafe::organization::{Account, Chain};
use helvetisafe::{Client, Scope};

use super::report::Report;
use crate::commands::{member_name, organization};
use crate::failure::Failure;
use crate::session::{Administration, Budget, CHANGE};
use crate::settings::Settings;

/// Verbs, and the scopes that they need besides `credentials:read`.
const VERBS: [(&str, &[Scope]); 5] = [
    ("`org members`", &[Scope::OrganizationRead]),
    (
        "each of `org invite`, `confirm`, `disable` and `recovery-kit`",
        &CHANGE,
    ),
    ("`org rotate`", &organization::ROTATION),
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
    let scopes = member_name::list(match is_token {
        true => &account.granted,
        false => &account.scopes,
    });
    let has = |scope: &Scope| scopes.contains(&scope.as_str());
    let owned = names(Scope::ADMINISTRATIVE.iter().filter(|scope| has(scope)));
    let lacking = VERBS.iter().filter_map(|(verbs, needed)| {
        let missing = names(needed.iter().filter(|scope| !has(scope)));
        (!missing.is_empty()).then(|| format!("{verbs} needs {missing}"))
    });
    let lacking: Vec<_> = lacking.collect();
    match lacking.is_empty() {
        true => report.ok(format!("{SIGNER}; scopes: {owned}")),
        false => report.warning(format!(
            "{SIGNER}; scopes: {owned}; {}; if they are needed, ask an administrator to invite a new account with more scopes",
            lacking.join("; ")
        )),
    }
}

fn names<'s>(scopes: impl Iterator<Item = &'s Scope>) -> String {
    let names: Vec<_> = scopes.map(|scope| scope.as_str()).collect();
    names.join(" ")
}
