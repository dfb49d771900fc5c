//! Checks against the signed chain before an org key is pinned.

use helvetisafe::organization::Chain;
use helvetisafe::{Client, Fingerprint};

use super::connect;
use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::{Trust, Vault};
use crate::ui::messages::Messages;

/// Follows the signed chain; `None` if no part of it is trusted. The inner failure is that of the chain.
pub(super) fn follow(
    trust: &Trust<'_>,
    client: &Client,
    vault: &Vault,
) -> Result<Result<Option<Chain>, Failure>, Failure> {
    let budget = vault.budget()?;
    let calls = budget.limit_calls(client.organization());
    Ok(budget.spend(|| trust.follow_chain(calls)))
}

/// Fails if the signed chain never had a given fingerprint. If the chain cannot be verified, that is a warning: the key may be pinned
/// because of it.
pub(super) fn check_given(
    trust: &Trust<'_>,
    given: Fingerprint,
    vault: &Vault,
) -> Result<(), Failure> {
    let chain = connect(vault).and_then(|client| follow(trust, &client, vault)?);
    match chain {
        Ok(Some(chain)) if !chain.has_had(&given) => Err(never_had(&chain, given)),
        Ok(_) => Ok(()),
        Err(failure) => {
            vault.messages.warning(format_args!(
                "cannot verify that the signed chain ever had {given}: {}; if it never had it, commands will refuse it, and {} \
                 forgets it",
                failure.message().unwrap_or_default(),
                advice::command("trust forget")
            ));
            Ok(())
        }
    }
}

/// Fails if the signed chain never had the vault's current org key, unless the user forces it. Warns if the chain has another one.
pub(super) fn check_current(
    chain: &Chain,
    current: Fingerprint,
    force: bool,
    messages: Messages,
) -> Result<(), Failure> {
    if !force && !chain.has_had(&current) {
        return Err(never_had(chain, current));
    }
    if *chain.fingerprint() != current {
        messages.warning(format_args!(
            "the signed chain has the org key {} in place of {current}, so commands will refuse it",
            chain.fingerprint()
        ));
    }
    Ok(())
}

fn never_had(chain: &Chain, refused: Fingerprint) -> Failure {
    let present = chain.fingerprint();
    Failure::new(
        Status::Crypto,
        format_args!(
            "the signed chain never had the org key {refused}, and its present one is {present}: nothing was pinned; check the \
             fingerprint, and ask an administrator before you continue; {} pins the present one, and --force pins {refused}, which \
             commands then refuse",
            advice::command(format_args!("trust pin {present}"))
        ),
    )
}
