//! Connects: the private key and the org key, from the vault or from a ticket.

use std::sync::Arc;

use helvetisafe_proto::KeyName;

use super::Vault;
use super::comparison::Comparison;
use super::first_calls::{
    self, FetchedOrgKey, FirstCall, Unlock, fetch_org_key, fetch_private_key,
};
use super::prefetched::Prefetched;
#[cfg(feature = "organization")]
use crate::administration::chain;
use crate::api::Api;
use crate::auth::{self, Resumed};
use crate::binding::Binding;
use crate::cache::{Cache, CachePolicy};
use crate::clock::Deadline;
use crate::credentials::LocalKey;
use crate::error::{Action, Error};
use crate::keys::AccountKey;
use crate::org_keys::{OrgKeyPolicy, OrgKeys, UnconfirmedKey};
#[cfg(feature = "organization")]
use crate::runtime::Boxed;
use crate::runtime::Runtime;

/// A client before its first request. Its arguments are checked, and its key file is read.
pub(crate) struct Config<R: Runtime, K = LocalKey> {
    pub(crate) api: Api<R>,
    pub(crate) local_key: K,
    pub(crate) org_key_policy: OrgKeyPolicy,
    pub(crate) binding: Binding,
    pub(crate) cache: Option<CachePolicy>,
    pub(crate) ticket: Option<String>,
    /// The org key of a ticket is compared with the vault's before anything is opened.
    pub(crate) compares_org_key: bool,
    pub(crate) prefetch: Vec<KeyName>,
    pub(crate) concurrency: usize,
}

impl<R: Runtime> Vault<R> {
    /// Gets the private key and the org key, and prefetches secrets. With a ticket whose access token is in use,
    /// both keys come from the ticket.
    pub(crate) async fn connect(config: Config<R>) -> Result<Self, Error> {
        let api = Arc::new(config.api);
        let deadline = api.deadline();
        let (local_key, policy) = (config.local_key, config.org_key_policy);
        let resumed = match config.ticket {
            Some(ticket) => {
                auth::resume(&api.auth, &api.runtime, &api.base, &local_key, &ticket).await
            }
            None => None,
        };
        if resumed.as_ref().is_some_and(|keys| keys.has_pages) {
            api.paging.announce();
        }
        let serves = |keys: &Resumed| {
            api.has_credential() && policy.accepts_first(keys.org_key.fingerprint())
        };
        let is_served = !config.compares_org_key && resumed.as_ref().is_some_and(serves);
        let known = resumed.as_ref().map(|keys| &keys.private_key);
        let calls = first_calls(&local_key, is_served, known, config.prefetch);
        let answers = first_calls::make(&api, &calls, config.concurrency, deadline).await?;
        let prefetched = Prefetched::new(answers.secrets, api.runtime.now());
        let (private_key, org_keys) = match resumed {
            Some(keys) if is_served => {
                let org_keys = OrgKeys::resume(policy, &keys.org_key);
                (keys.private_key, org_keys)
            }
            resumed => {
                let unlocked = answers.private_key;
                let private_key = private_key(&api, unlocked, local_key, deadline).await?;
                let fetched = answers.org_key;
                let org_key = org_key(&api, fetched, resumed, &private_key, deadline).await?;
                let org_keys = accept(&api, policy, &private_key, org_key, deadline).await?;
                (private_key, org_keys)
            }
        };
        Ok(Self {
            api,
            binding: config.binding,
            cache: config.cache.map(Cache::new),
            org_keys,
            prefetched,
            comparison: Comparison::default(),
            concurrency: config.concurrency,
            private_key,
        })
    }
}

/// Returns the account's key: the unlocked one of the first calls, that of the settings, or the vault's.
async fn private_key<R: Runtime>(
    api: &Arc<Api<R>>,
    unlocked: Option<AccountKey>,
    local_key: LocalKey,
    deadline: Deadline,
) -> Result<AccountKey, Error> {
    match (unlocked, local_key) {
        (Some(unlocked), _) => Ok(unlocked),
        (None, LocalKey::Ready(key)) => Ok(AccountKey { key, locked: None }),
        (None, LocalKey::Locked(password)) => {
            let unlock = Unlock {
                password,
                known: None,
            };
            fetch_private_key(api, unlock, deadline).await
        }
    }
}

/// Returns the vault's org key, from the first calls or a call now. A ticket's key in the same bytes is not unwrapped again.
async fn org_key<R: Runtime>(
    api: &Arc<Api<R>>,
    fetched: Option<FetchedOrgKey>,
    resumed: Option<Resumed>,
    private_key: &AccountKey,
    deadline: Deadline,
) -> Result<UnconfirmedKey, Error> {
    let fetched = match fetched {
        Some(fetched) => fetched,
        None => fetch_org_key(api, deadline).await?,
    };
    let (wrapped, epoch) = (fetched.wrapped, fetched.epoch);
    let org_key = match resumed {
        Some(same) if same.has_unwrapped(private_key, &wrapped) => same.org_key,
        _ => private_key.unwrap(&api.runtime, wrapped).await?,
    };
    Ok(org_key.in_epoch(epoch))
}

/// Accepts the first org key by the pins or, if the policy follows it, by the chain.
async fn accept<R: Runtime>(
    api: &Arc<Api<R>>,
    policy: OrgKeyPolicy,
    private_key: &AccountKey,
    key: UnconfirmedKey,
    deadline: Deadline,
) -> Result<OrgKeys, Error> {
    #[cfg(feature = "organization")]
    if let Some(anchor) = policy.rotation.anchor() {
        let by_chain: Boxed<'_, _> = Box::pin(async move {
            let chain = chain::follow(api, &anchor, &deadline.into()).await?;
            let found = key.fingerprint();
            // A rotation may have come between the two answers: then the chain knows both keys.
            let is_replaced = found != *chain.fingerprint() && chain.has_had(&found);
            let key = match is_replaced {
                true => org_key(api, None, None, private_key, deadline).await?,
                false => key,
            };
            OrgKeys::accept_by(policy, &key, &chain)
                .map_err(|cause| Error::new(Action::GetOrgKey, cause))
        });
        return by_chain.await;
    }
    #[cfg(not(feature = "organization"))]
    let _ = (api, private_key, deadline);
    OrgKeys::accept(policy, &key).map_err(|cause| Error::new(Action::GetOrgKey, cause))
}

/// Returns the calls to make at once. If a ticket serves, no key is fetched.
fn first_calls(
    local_key: &LocalKey,
    is_served: bool,
    known: Option<&AccountKey>,
    prefetch: Vec<KeyName>,
) -> Vec<FirstCall> {
    let keys = match local_key {
        _ if is_served => vec![],
        LocalKey::Ready(_) => vec![FirstCall::OrgKey],
        LocalKey::Locked(password) => {
            let (password, known) = (password.clone(), known.cloned());
            vec![
                FirstCall::PrivateKey(Unlock { password, known }),
                FirstCall::OrgKey,
            ]
        }
    };
    let secrets = prefetch.into_iter().map(FirstCall::Secret);
    keys.into_iter().chain(secrets).collect()
}
