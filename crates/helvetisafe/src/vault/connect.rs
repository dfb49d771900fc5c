//! Connects: the private key, then the org key.

use std::sync::Arc;

use helvetisafe_crypto::{EncodedLockedKey, LockedPrivateKey, WrappedOrgKey};
use helvetisafe_proto::endpoint::{GetOrgKey, GetPrivateKey};

use super::Vault;
use crate::api::Api;
use crate::auth;
use crate::binding::Binding;
use crate::bounds::Bounds;
use crate::cache::{Cache, CachePolicy};
use crate::clock::Deadline;
use crate::credentials::LocalKey;
use crate::error::{Action, Error};
use crate::keys::AccountKey;
use crate::org_keys::{OrgKeyPolicy, OrgKeys};
use crate::runtime::Runtime;

/// A client before its first request. Its arguments are checked, and its key file is read.
pub(crate) struct Config<R: Runtime> {
    pub(crate) api: Api<R>,
    pub(crate) local_key: LocalKey,
    pub(crate) org_key_policy: OrgKeyPolicy,
    pub(crate) binding: Binding,
    pub(crate) cache: Option<CachePolicy>,
    pub(crate) ticket: Option<String>,
    pub(crate) concurrency: usize,
}

impl<R: Runtime> Vault<R> {
    /// Gets the private key and the org key. The first access token may come from a ticket.
    pub(crate) async fn connect(config: Config<R>) -> Result<Self, Error> {
        let api = Arc::new(config.api);
        let runtime = &api.runtime;
        let local_key = config.local_key;
        let deadline = api.deadline();
        let resumed = match config.ticket {
            Some(ticket) => auth::resume(&api.auth, runtime, &api.base, &local_key, &ticket).await,
            None => None,
        };
        let private_key = match local_key {
            LocalKey::Ready(key) => AccountKey { key, locked: None },
            LocalKey::Locked(password) => {
                let locked = fetch_private_key(&api, deadline).await?;
                match resumed.as_ref().map(|keys| &keys.private_key) {
                    Some(same) if same.locked.as_ref() == Some(&locked) => same.clone(),
                    _ => AccountKey::unlock(runtime, locked, password).await?,
                }
            }
        };
        let wrapped = fetch_org_key(&api, deadline).await?;
        let org_key = match resumed {
            Some(same) if same.has_unwrapped(&private_key, &wrapped) => same.org_key,
            _ => private_key.unwrap(runtime, wrapped).await?,
        };
        let org_keys = OrgKeys::accept(config.org_key_policy, &org_key)
            .map_err(|cause| Error::new(Action::GetOrgKey, cause))?;
        Ok(Self {
            api,
            binding: config.binding,
            cache: config.cache.map(Cache::new),
            org_keys,
            concurrency: config.concurrency,
            private_key,
        })
    }
}

async fn fetch_private_key<R: Runtime>(
    api: &Arc<Api<R>>,
    deadline: Deadline,
) -> Result<LockedPrivateKey, Error> {
    let answer = api
        .call(&GetPrivateKey, Action::GetPrivateKey, deadline)
        .await?;
    LockedPrivateKey::decode(&EncodedLockedKey {
        ciphertext: answer.encrypted_private_key,
        nonce: answer.nonce,
        salt: answer.salt,
        tag: answer.auth_tag,
    })
    .map_err(|error| Error::new(Action::GetPrivateKey, error))
}

/// Fetches the org key that the vault has now.
pub(super) async fn fetch_org_key<R: Runtime>(
    api: &Arc<Api<R>>,
    bounds: impl Into<Bounds>,
) -> Result<WrappedOrgKey, Error> {
    let answer = api.call(&GetOrgKey, Action::GetOrgKey, bounds).await?;
    WrappedOrgKey::decode(&answer.encrypted_org_key)
        .map_err(|error| Error::new(Action::GetOrgKey, error))
}
