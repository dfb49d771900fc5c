//! The check of new entries against the stored chain.

use helvetisafe_crypto::organization::{Anchor, Chain, ChainError, Entry};
use helvetisafe_proto::{ErrorCode, Hex};
use tokio::task::spawn_blocking;

use crate::shared::Shared;
use crate::store::{ActError, Grant, StoreError};

/// Checks that the stored chain accepts entries. The act compares the position again, since others may be appended
/// meanwhile. `member` names the entries in a refusal. What costs little comes first: the signatures of the chain are verified
/// only for entries that the caller claims to have signed, at the end of the chain.
pub(super) async fn check(
    vault: &Shared,
    caller: &Grant,
    entries: &[Entry],
    member: &'static str,
) -> Result<(), ActError> {
    vault
        .store
        .chain_end(caller)
        .await?
        .admit(entries, member)?;
    let organization = caller.tenant.organization;
    let stored = vault.store.chain(organization, 0, i64::MAX).await?;
    let entries = entries.to_vec();
    let name = Hex::from(organization).to_string();
    // Each signature takes long compared with a read.
    let checked = spawn_blocking(move || append(&name, &stored, &entries, member));
    let ended = |error: tokio::task::JoinError| StoreError::Failed(error.to_string());
    checked.await.map_err(ended)?
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
