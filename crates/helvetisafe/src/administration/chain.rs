//! Fetches the chain of an organization, and verifies it from an anchor.

use std::sync::Arc;

use helvetisafe_crypto::organization::{Anchor, Chain, ChainError, Entry};
use helvetisafe_proto::Endpoint;
use helvetisafe_proto::endpoint::organization::{
    ChainAnswer, GetAccount, GetChain, OrganizationId,
};

use crate::api::Api;
use crate::bounds::Bounds;
use crate::error::{Cause, Error, OrganizationAction, OrganizationCause, OtherHistory};
use crate::http::{Failure, TransportError};
use crate::runtime::Runtime;

const ACTION: OrganizationAction = OrganizationAction::FollowChain;

/// The memory of all pages, in multiples of the limit of one.
const PAGES: usize = 8;

/// Follows the chain of the account's organization. The vault states which one that is; the anchor decides if it is the
/// trusted one.
pub(crate) async fn follow<R: Runtime>(
    api: &Arc<Api<R>>,
    anchor: &Anchor,
    bounds: &Bounds,
) -> Result<Chain, Error> {
    let account = api.call(&GetAccount, ACTION.into(), bounds).await?;
    let entries = fetch(api, |from| GetChain { from }, bounds).await?;
    verify(api, account.organization, anchor, entries).await
}

/// Fetches all entries, page by page. `page` returns the call for the entries from a number on.
pub(crate) async fn fetch<R, E>(
    api: &Arc<Api<R>>,
    page: impl Fn(u64) -> E + Send + Sync,
    bounds: &Bounds,
) -> Result<Vec<Entry>, Error>
where
    R: Runtime,
    E: Endpoint<Answer = ChainAnswer> + Send + Sync,
{
    let (mut entries, mut bytes) = (Vec::new(), 0);
    loop {
        let call = page(entries.len() as u64);
        let answer = api.call(&call, ACTION.into(), bounds).await?;
        if answer.has_more && answer.entries.is_empty() {
            return Err(refused(ChainError::Gap));
        }
        for entry in answer.entries {
            bytes += size_of::<Entry>() + entry.0.len();
            entries.push(Entry::from_bytes(&entry.0).map_err(refused)?);
        }
        if !answer.has_more {
            return Ok(entries);
        }
        if bytes > api.limits.list.saturating_mul(PAGES) {
            let error = TransportError::new(Failure::TooLarge);
            return Err(Error::new(ACTION, error));
        }
    }
}

/// Verifies the chain of an organization where it may block: each signature takes a part of a millisecond.
pub(crate) async fn verify<R: Runtime>(
    api: &Arc<Api<R>>,
    organization: OrganizationId,
    anchor: &Anchor,
    entries: Vec<Entry>,
) -> Result<Chain, Error> {
    let (organization, anchor) = (organization.to_string(), *anchor);
    let follow = move || {
        let followed = Chain::follow(&organization, &anchor, &entries);
        followed.map_err(|error| refused_from(&anchor, &entries, error))
    };
    match api.runtime.compute(follow).await {
        Some(followed) => followed,
        None => Err(Error::new(ACTION, Cause::RuntimeEnded)),
    }
}

/// Returns the error of a chain that does not contain the trusted head, or of another fault.
fn refused_from(anchor: &Anchor, entries: &[Entry], error: ChainError) -> Error {
    let Anchor::Head(head) = anchor else {
        return refused(error);
    };
    let place = usize::try_from(head.sequence).ok();
    let entry = place.and_then(|place| entries.get(place));
    let is_other = match error {
        ChainError::Older => true,
        // Otherwise the fault is between two entries.
        ChainError::Fork => entry.is_some_and(|entry| entry.head() != *head),
        _ => false,
    };
    if !is_other {
        return refused(error);
    }
    let history = OtherHistory {
        seen: head.sequence,
        served: (entries.len() as u64).saturating_sub(1),
    };
    Error::new(ACTION, OrganizationCause::OtherHistory(history))
}

fn refused(error: ChainError) -> Error {
    Error::new(ACTION, OrganizationCause::Chain(error))
}
