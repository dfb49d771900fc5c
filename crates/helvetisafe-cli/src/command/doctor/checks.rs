//! The checks that change nothing.

use std::env;
use std::error::Error as _;
use std::net::ToSocketAddrs;

use helvetisafe::{
    BaseUrl, Client, Error, ErrorKind, Failure as Reach, KeyName, Scope, Scopes, Secrets,
    TransportError,
};

use super::report::Report;
use super::seen::Attempt;
use crate::config::table::Setting;
use crate::config::{Binding, Config};
use crate::context::Context;
use crate::failure::{Failure, Status, describe_unbound};
use crate::trust::Trust;
use crate::{connect, keys};

/// So many secrets are read at most.
const MOST_READ: usize = 1000;

/// How far the two clocks may be apart, in seconds: the life of tokens and expiries is in minutes.
const MAX_SKEW: u64 = 60;

/// What is missing, doubled or malformed.
pub(super) fn configuration<'a>(
    report: &mut Report<'_>,
    context: &'a Context,
) -> Result<(&'a Config, BaseUrl), Failure> {
    let config = context.config()?;
    config.check()?;
    config.timeout()?;
    config.org_key_fingerprint()?;
    let base = BaseUrl::parse(&config.base_url()?).map_err(|error| {
        Failure::usage(format_args!("{error}; `helvetisafe config show` shows it"))
    })?;
    report.ok(match &config.profile {
        Some(profile) => format!(
            "{base}, profile `{}` in {}",
            profile.name,
            profile.file.display()
        ),
        None => format!("{base}, no profile"),
    });
    Ok((config, base))
}

/// Whether the secrets can be read, and nobody else can read them. What a client refuses before it
/// sends anything is wrong with them too, so it is made here.
pub(super) fn files(
    report: &mut Report<'_>,
    config: &Config,
    context: &Context,
) -> Result<Attempt, Failure> {
    let builder = connect::builder(config, context.messages)?;
    let make = || Attempt::make(builder, context.messages);
    let attempt = context.budget()?.spend(make);
    match attempt.error() {
        Some(error) if attempt.seen.requests == 0 => Err(error.clone().into()),
        _ => {
            report
                .ok("the credential and the key can be read, by nobody else where they are files");
            Ok(attempt)
        }
    }
}

/// Whether the name of the vault has an address.
pub(super) fn name(report: &mut Report<'_>, base: &BaseUrl) -> Result<(), Failure> {
    let host = base.host().trim_start_matches('[').trim_end_matches(']');
    match (host, base.port()).to_socket_addrs() {
        Ok(addresses) => {
            let addresses: Vec<_> = addresses.map(|address| address.ip().to_string()).collect();
            report.ok(format!("{host} is {}", addresses.join(", ")));
        }
        Err(error) if has_proxy(base) => report.warning(format!(
            "{host} has no address here ({error}); the proxy in HTTPS_PROXY may know one"
        )),
        Err(error) => {
            return Err(Failure::new(
                Status::NoAnswer,
                format_args!(
                    "{host} has no address ({error}); check the spelling of the base URL and the \
                     network's name servers"
                ),
            ));
        }
    }
    Ok(())
}

/// Whether anything answers.
pub(super) fn connection(
    report: &mut Report<'_>,
    base: &BaseUrl,
    attempt: &Attempt,
) -> Result<(), Failure> {
    if let (0, Some(error)) = (attempt.seen.answers, attempt.error()) {
        let advice = reach_advice(error, base);
        return Err(Failure::from(error.clone()).with_advice(advice));
    }
    let how = if base.is_https() {
        "TLS, with a trusted certificate"
    } else {
        "plain HTTP, which is allowed on a loopback address"
    };
    report.ok(how);
    Ok(())
}

/// Whether the clocks agree. That alone stops nothing, so it is never a failure.
pub(super) fn clock(report: &mut Report<'_>, attempt: &Attempt) {
    match attempt.seen.skew {
        None => report.skipped("the vault's answers have no date"),
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

/// Whether the credential is accepted.
pub(super) fn token(
    report: &mut Report<'_>,
    config: &Config,
    attempt: &Attempt,
) -> Result<(), Failure> {
    let is_api_token = config.used(Setting::ApiToken).is_some();
    match attempt.error() {
        Some(error) if error.kind() == ErrorKind::Auth => return Err(error.clone().into()),
        Some(error) if !is_api_token && attempt.seen.token.is_none() => {
            return Err(refused(error));
        }
        _ => {}
    }
    report.ok(match attempt.seen.token {
        Some(token) => format!("an access token that lives {} s", token.life.as_secs()),
        None => "the API token is not refused".to_owned(),
    });
    Ok(())
}

/// Whether all that was asked for was granted. Less may be intended.
pub(super) fn scopes(report: &mut Report<'_>, attempt: &Attempt) {
    let Some(token) = attempt.seen.token else {
        return report.skipped("the vault does not tell what an API token may do");
    };
    // RFC 6749 section 5.1: what is not said is what was asked for.
    let granted = token.granted.unwrap_or(Scopes::ALL);
    let missing: Vec<_> = Scope::ALL
        .into_iter()
        .filter(|scope| !granted.contains(*scope))
        .map(Scope::as_str)
        .collect();
    if missing.is_empty() {
        report.ok(format!("granted: {granted}"));
    } else {
        report.warning(format!(
            "granted: {granted}; not granted: {}; where they are needed, give the service account \
             these scopes",
            missing.join(" ")
        ));
    }
}

/// Whether the org key is the private key's to unwrap.
pub(super) fn org_key(report: &mut Report<'_>, attempt: Attempt) -> Result<Client, Failure> {
    let client = attempt.outcome.map_err(|error| {
        let is_crypto = error.kind() == ErrorKind::Crypto;
        let failure = Failure::from(error);
        if is_crypto {
            failure.with_advice(
                "check that the private key, or the password, is this account's and no other's",
            )
        } else {
            failure
        }
    })?;
    report.ok(format!(
        "the private key unwraps it: {}",
        client.org_key_fingerprint()
    ));
    Ok(client)
}

/// Whether the org key is the remembered one, or the configured one.
pub(super) fn trust(
    report: &mut Report<'_>,
    config: &Config,
    client: &Client,
) -> Result<(), Failure> {
    let trust = Trust::load(config)?;
    trust.check(client.org_key_fingerprint())?;
    report.ok(match (trust.expected, &trust.remembered) {
        (Some(_), _) => "the org key is the configured one".to_owned(),
        (None, Some(entry)) => {
            format!("the org key is the one remembered since {:.0}", entry.since)
        }
        (None, None) => "no org key is remembered yet; the next use remembers it".to_owned(),
    });
    Ok(())
}

/// Reads secrets, to find those that every command refuses because they may be other ones. A warning
/// at most, since a command need not read them.
pub(super) fn binding(
    report: &mut Report<'_>,
    config: &Config,
    client: &Client,
    context: &Context,
) -> Result<(), Failure> {
    if config.binding()? == Binding::AllowUnbound {
        report.skipped("not checked: allow_unbound is set");
        return Ok(());
    }
    let budget = context.budget()?;
    let keys = match budget.spend(|| keys_to_read(budget.bound(client.secrets())))? {
        Ok(keys) => keys,
        Err(error) => {
            report.skipped(format!("the secrets cannot be listed: {error}"));
            return Ok(());
        }
    };
    let outcomes = budget.spend(|| budget.bound(client.secrets()).get_many(&keys));
    let errors: Vec<_> = outcomes.iter().filter_map(|it| it.as_ref().err()).collect();
    match (describe_unbound(errors.iter().copied()), errors.first()) {
        (Some(unbound), _) => report.warning(unbound),
        (None, Some(error)) => {
            report.warning(format!("{} of {}: {error}", errors.len(), keys.len()))
        }
        (None, None) => report.ok(format!("none is refused of those read: {}", keys.len())),
    }
    Ok(())
}

/// The secrets that the variable names, else those that are listed.
fn keys_to_read(secrets: Secrets<'_>) -> Result<Result<Vec<KeyName>, Error>, Failure> {
    if let Some(named) = keys::from_variable()? {
        return Ok(Ok(named));
    }
    Ok(secrets.list().map(|listed| {
        let names = listed.iter().filter_map(|secret| secret.key().valid());
        names.take(MOST_READ).cloned().collect()
    }))
}

/// Something answered the request for a token, but gave none.
fn refused(error: &Error) -> Failure {
    let failure = Failure::from(error.clone());
    if error.kind() == ErrorKind::Api && !error.is_retryable() {
        return failure
            .with_advice("check the base URL: something else than a vault may answer there");
    }
    failure
}

/// What to do when nothing answered.
fn reach_advice(error: &Error, base: &BaseUrl) -> &'static str {
    let reached = error
        .source()
        .and_then(|source| source.downcast_ref())
        .map(TransportError::failure);
    match reached {
        Some(Reach::Tls) => {
            "where the vault has a certificate of an authority of your own, name it with \
             --ca-certificate; else do not go on"
        }
        Some(Reach::Malformed) => "check the base URL: something else than a vault answers there",
        _ if has_proxy(base) => "check that the vault runs, its port, and the proxy in HTTPS_PROXY",
        _ => "check that the vault runs, its port, and the firewalls between",
    }
}

/// A loopback address is never proxied.
fn has_proxy(base: &BaseUrl) -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    base.is_https() && !base.is_loopback() && (is_set("HTTPS_PROXY") || is_set("https_proxy"))
}
