//! The checks that change nothing.

use helvetisafe::{
    BaseUrl, Client, Error, ErrorKind, KeyName, Scope, Scopes, Secret, Secrets, Setting,
};

use super::addresses::Addresses;
use super::attempt::Attempt;
use super::report::Report;
use super::trust;
use crate::commands::selection::Keys;
use crate::failure::setting::describe;
use crate::failure::{Failure, USE_HTTPS, may_need_tls, unbound};
use crate::session::Budget;
use crate::settings::{Binding, Settings};
use crate::ui::messages::Messages;

/// The maximum number of secrets to read.
const MAX_READ: usize = 1000;

/// The maximum difference of the clocks, in seconds: tokens and secrets expire after minutes.
const MAX_SKEW: u64 = 60;

/// Checks the URLs of the vault; the other settings are valid.
pub(super) fn configuration(
    report: &mut Report<'_>,
    settings: &Settings,
) -> Result<Vec<BaseUrl>, Failure> {
    let bases = settings.bases()?;
    let urls: Vec<_> = bases.iter().map(ToString::to_string).collect();
    let urls = match urls.split_first() {
        Some((first, further)) if !further.is_empty() => {
            format!("{first}, failover URLs {}", further.join(" "))
        }
        _ => urls.concat(),
    };
    report.ok(match &settings.profile {
        Some(profile) => format!(
            "{urls}, profile `{}` in {}",
            profile.name,
            profile.file.display()
        ),
        None => format!("{urls}, no profile"),
    });
    Ok(bases)
}

/// Checks that the secrets can be read, and by this user alone. A client that fails before its first request
/// has wrong secrets too, so the attempts to connect are made here.
pub(super) fn files(
    report: &mut Report<'_>,
    settings: &Settings,
    bases: Vec<BaseUrl>,
    budget: &Budget,
    messages: Messages,
) -> Result<Addresses, Failure> {
    let addresses = Addresses::test(settings, bases, budget, messages)?;
    let attempt = addresses.attempt();
    match attempt.error() {
        Some(error) if attempt.observed.requests == 0 => {
            Err(Failure::without_doctor(error.clone()))
        }
        _ => {
            report.ok("the credential and the key can be read, and files only by this user");
            Ok(addresses)
        }
    }
}

/// Compares the clocks. A difference stops nothing, so it is never a failure.
pub(super) fn clock(report: &mut Report<'_>, attempt: &Attempt) {
    match attempt.observed.skew {
        None => report.skipped("the vault's responses have no date"),
        Some(skew) if skew.unsigned_abs() > MAX_SKEW => {
            let direction = if skew > 0 { "ahead of" } else { "behind" };
            report.warning(format!(
                "this machine's clock is {} s {direction} the vault's; set it, by NTP, since \
                 certificates and expiries depend on it",
                skew.unsigned_abs()
            ));
        }
        Some(_) => report.ok(format!("within {MAX_SKEW} s of the vault's")),
    }
}

/// Checks that the credential is accepted.
pub(super) fn token(
    report: &mut Report<'_>,
    settings: &Settings,
    attempt: &Attempt,
) -> Result<(), Failure> {
    let is_api_token = settings.uses_api_token();
    let advised = |failure: Failure, error| match settings.is_plain_http() && may_need_tls(error) {
        true => failure.with_advice(USE_HTTPS),
        false => failure,
    };
    match attempt.error() {
        Some(error) if error.kind() == ErrorKind::Auth => {
            return Err(advised(Failure::without_doctor(error.clone()), error));
        }
        Some(error) if !is_api_token && attempt.observed.token.is_none() => {
            let failure = advised(refused(error), error);
            let is_scopes = error.setting() == Some(Setting::Scopes);
            return Err(match settings.scopes.as_ref().filter(|_| is_scopes) {
                Some(setting) => failure.with_advice(&setting.to_string()),
                None => failure,
            });
        }
        _ => {}
    }
    report.ok(match attempt.observed.token {
        Some(token) => format!(
            "an access token with a lifetime of {} s",
            token.life.as_secs()
        ),
        None => "the API token is not refused".to_owned(),
    });
    Ok(())
}

/// Compares the granted scopes with the requested ones. Fewer scopes may be intended.
pub(super) fn scopes(report: &mut Report<'_>, settings: &Settings, attempt: &Attempt) {
    let Some(token) = attempt.observed.token else {
        return report.skipped("the vault does not list the scopes of an API token");
    };
    // RFC 6749 section 5.1: without a list all requested scopes are granted.
    let setting = settings.scopes.as_ref();
    let requested = setting.map_or(Scopes::ALL, |setting| setting.scopes);
    let granted = token.granted.unwrap_or(requested);
    let missing: Vec<_> = Scope::ALL
        .iter()
        .filter(|scope| requested.contains(**scope) && !granted.contains(**scope))
        .map(|scope| scope.as_str())
        .collect();
    let narrowed = match setting.filter(|setting| setting.is_narrower()) {
        Some(setting) => format!("; {setting}"),
        None => String::new(),
    };
    if missing.is_empty() {
        report.ok(format!("granted: {granted}{narrowed}"));
    } else {
        report.warning(format!(
            "granted: {granted}; not granted: {}; if they are needed, give the service account \
             these scopes{narrowed}",
            missing.join(" ")
        ));
    }
}

/// Checks that the private key unwraps the org key.
pub(super) fn org_key(
    report: &mut Report<'_>,
    settings: &Settings,
    attempt: Attempt,
) -> Result<Client, Failure> {
    let client = attempt
        .outcome
        .map_err(|error| explained(error, settings))?;
    report.ok(format!(
        "the private key unwraps it: {}",
        client.org_key_fingerprint()
    ));
    Ok(client)
}

/// Reads secrets, to find those that every command refuses because the vault may have exchanged them. That is
/// a warning at most, since not every command reads them.
pub(super) fn binding(
    report: &mut Report<'_>,
    settings: &Settings,
    client: &Client,
    budget: &Budget,
) -> Result<(), Failure> {
    if settings.binding == Binding::AllowUnbound {
        report.skipped("not checked: allow_unbound is set");
        return Ok(());
    }
    let keys = match budget.spend(|| keys_to_read(budget.limit(client.secrets())))? {
        Ok(keys) => keys,
        Err(error) => {
            report.skipped(format!(
                "the secrets cannot be listed: {}",
                described(&error, settings)
            ));
            return Ok(());
        }
    };
    let read = || budget.spend(|| budget.limit(client.secrets()).get_many(&keys));
    let has_other_key = |outcomes: &[Result<Secret, Error>]| {
        let mut errors = outcomes.iter().filter_map(|it| it.as_ref().err());
        errors.any(|error| error.refused_org_key().is_some())
    };
    let mut outcomes = read();
    if has_other_key(&outcomes) {
        if let Err(reason) = trust::follow_rotation(settings, client, budget) {
            report.warning(reason);
            return Ok(());
        }
        outcomes = read();
    }
    if has_other_key(&outcomes) {
        report.warning(trust::replaced(""));
        return Ok(());
    }
    let errors: Vec<_> = outcomes.iter().filter_map(|it| it.as_ref().err()).collect();
    match (unbound::describe(errors.iter().copied()), errors.first()) {
        (Some(unbound), _) => report.warning(unbound),
        (None, Some(error)) => {
            let described = described(error, settings);
            report.warning(format!("{} of {}: {described}", errors.len(), keys.len()))
        }
        (None, None) => report.ok(format!("secrets read, none refused: {}", keys.len())),
    }
    Ok(())
}

/// Returns the keys that the variable names, else the listed ones.
fn keys_to_read(secrets: Secrets<'_>) -> Result<Result<Vec<KeyName>, Error>, Failure> {
    let keys = Keys::new(&[], None)?;
    if keys.listed_prefix().is_none() {
        return Ok(Ok(keys.named().cloned().collect()));
    }
    Ok(secrets.list().map(|listed| {
        let names = listed.iter().filter_map(|secret| secret.key().valid());
        names.take(MAX_READ).cloned().collect()
    }))
}

/// Makes a failure that names the setting that caused it, if one did.
pub(super) fn explained(error: Error, settings: &Settings) -> Failure {
    let cause = cause_of(&error, settings);
    let failure = Failure::without_doctor(error);
    match cause {
        Some(cause) => failure.with_advice(&cause),
        None => failure,
    }
}

/// Describes an error that is not a failure, with the setting that caused it, if one did.
fn described(error: &Error, settings: &Settings) -> String {
    match cause_of(error, settings) {
        Some(cause) => format!("{}; {cause}", describe(error)),
        None => describe(error),
    }
}

/// Returns the cause of an error, if it is a setting that narrows the requested scopes.
fn cause_of(error: &Error, settings: &Settings) -> Option<String> {
    match error.kind() {
        ErrorKind::Forbidden => settings.cause_of_refusal(error.missing_scope()),
        _ => None,
    }
}

/// A server answered the request for a token, but sent none.
fn refused(error: &Error) -> Failure {
    let failure = Failure::without_doctor(error.clone());
    // A 404 has this advice already.
    let has_advice = error.status().is_some_and(|status| status == 404);
    if error.kind() == ErrorKind::Api && !error.is_retryable() && !has_advice {
        return failure
            .with_advice("check the base URL: another server than a vault may answer there");
    }
    failure
}
