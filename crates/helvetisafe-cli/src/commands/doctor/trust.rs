//! The check of the org key against the trust memory and the signed chain.

use helvetisafe::Client;
use helvetisafe::organization::Chain;

use super::report::Report;
use crate::advice;
use crate::failure::Failure;
use crate::session::{Budget, Trust};
use crate::settings::Settings;

/// Follows a rotation that came after [`check`], so that the client has the present org key. Returns a message if the org key
/// cannot be examined again.
pub(super) fn follow_rotation(
    settings: &Settings,
    client: &Client,
    budget: &Budget,
) -> Result<(), String> {
    let examine = || {
        let trust = Trust::load_all(settings)?;
        let calls = budget.limit_calls(client.organization());
        budget.spend(|| trust.examine(client, calls)).map(drop)
    };
    examine().map_err(|failure: Failure| {
        let reason = failure.message().unwrap_or_default();
        replaced(&format!(", and it could not be examined again ({reason})"))
    })
}

/// Describes an org key that was replaced after [`check`].
pub(super) fn replaced(problem: &str) -> String {
    format!(
        "the vault has another org key than when this command began{problem}: it was probably replaced meanwhile, and the secrets were \
         not checked; run {} again, which examines the new one",
        again()
    )
}

fn again() -> String {
    advice::command("doctor")
}

/// Checks that the org key is the configured or the remembered one, and that of the signed chain, if a part of it is trusted.
/// Returns the chain.
pub(super) fn check(
    report: &mut Report<'_>,
    settings: &Settings,
    client: &Client,
    budget: &Budget,
) -> Result<Option<Chain>, Failure> {
    let trust = Trust::load_all(settings)?;
    let calls = budget.limit_calls(client.organization());
    let chain = budget.spend(|| trust.examine(client, calls));
    let chain = chain.map_err(|failure| match failure.may_pass() {
        true => failure.with_advice(&format!(
            "the org key was not checked: run {} again",
            again()
        )),
        false => failure,
    })?;
    let current = client.org_key_fingerprint();
    let is_replaced = |chain: &Chain| trust.is_replaced(current, chain);
    let known = match (trust.expected, &trust.remembered) {
        (Some(_), _) => "the org key is the configured one".to_owned(),
        (None, Some(entry)) if chain.as_ref().is_some_and(is_replaced) => format!(
            "the administrators have replaced the org key remembered since {:.0}; the next use remembers the new one",
            entry.since
        ),
        (None, Some(entry)) => {
            format!("the org key is the one remembered since {:.0}", entry.since)
        }
        (None, None) => "no org key is remembered yet; the next use remembers it".to_owned(),
    };
    report.ok(match &chain {
        Some(chain) => format!(
            "{known}; the signed chain has it, verified up to entry {}",
            chain.head().sequence
        ),
        None => known,
    });
    Ok(chain)
}
