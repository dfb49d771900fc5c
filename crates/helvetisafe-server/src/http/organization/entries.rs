//! The check of new entries against the stored chain.

use helvetisafe_crypto::organization::{Anchor, Chain, ChainError, Entry};
use helvetisafe_proto::{ErrorCode, Hex};
use tokio::task::spawn_blocking;

use crate::shared::Shared;
use crate::store::{ActError, Grant, StoreError};

/// Checks that the stored chain accepts entries. The act compares the position again, since others may be appended
/// meanwhile. `member` names the entries in a refusal. What costs little comes first: the chain is read and its signatures are
/// verified only for entries at its end that the caller has signed with the key of its account.
pub(super) async fn check(
    vault: &Shared,
    caller: &Grant,
    entries: &[Entry],
    member: &'static str,
) -> Result<(), ActError> {
    let end = vault.store.chain_end(caller).await?;
    let own = entries.to_vec();
    compute(move || end.admit(&own, member)).await?;
    let organization = caller.tenant.organization;
    let stored = vault.store.chain(organization, 0, i64::MAX).await?;
    let entries = entries.to_vec();
    let name = Hex::from(organization).to_string();
    compute(move || append(&name, &stored, &entries, member)).await
}

/// Verifies on another thread, since each signature takes long compared with a read.
async fn compute(
    verify: impl FnOnce() -> Result<(), ActError> + Send + 'static,
) -> Result<(), ActError> {
    let ended = |error: tokio::task::JoinError| StoreError::Failed(error.to_string());
    spawn_blocking(verify).await.map_err(ended)?
}

fn append(
    organization: &str,
    stored: &[Vec<u8>],
    entries: &[Entry],
    member: &'static str,
) -> Result<(), ActError> {
    let damaged = |error: ChainError| StoreError::Failed(format!("the stored chain: {error}"));
    let stored = stored.iter().map(|bytes| Entry::from_bytes(bytes));
    let stored: Vec<_> = stored.collect::<Result<_, _>>().map_err(damaged)?;
    let genesis = stored.first().ok_or(ErrorCode::NoChain)?;
    let anchor = Anchor::Head(genesis.head());
    let mut chain = Chain::follow(organization, &anchor, &stored).map_err(damaged)?;
    for entry in entries {
        chain.append(entry).map_err(|error| match error {
            ChainError::Gap | ChainError::Fork => ErrorCode::ChainMoved.into(),
            ChainError::LastAdministrator => ErrorCode::LastAdministrator.into(),
            _ => ActError::Invalid(member),
        })?;
    }
    Ok(())
}
