//! The operations on secrets, for every runtime.

mod cached;
mod copy;
mod create;
pub(crate) mod fields;
mod list;
mod many;
mod observed;
#[cfg(feature = "organization")]
mod organization;
mod read;
mod seal;
mod update;
pub(crate) mod watch;

#[cfg(feature = "test-util")]
pub(crate) use fields::{check_names, refuse_own_name};
#[cfg(feature = "test-util")]
pub(crate) use seal::check_size;

use std::sync::Arc;
use std::time::Duration;

use helvetisafe_proto::endpoint::{self, DeleteSecret, ListedSecret};
use helvetisafe_proto::{KeyName, ListedKey, Time};
use jiff::Timestamp;

use crate::api::ReadBack;
use crate::bounds::Bounds;
use crate::call_options::CallOptions;
use crate::cancel::CancelToken;
use crate::clock::Deadline;
use crate::config_error::ConfigError;
use crate::error::{Action, Error};
use crate::event::{Event, HiddenKey};
use crate::expiry::{Expiry, timestamp};
use crate::runtime::{Boxed, Runtime};
use crate::secret::SecretMetadata;
use crate::vault::Vault;

/// Begins operations on the secrets of one vault. With a limit they share one deadline.
pub(crate) struct Operations<'a, R: Runtime> {
    vault: &'a Arc<Vault<R>>,
    limit: Option<Limit>,
    options: CallOptions,
    cancel: Option<&'a CancelToken>,
}

/// A timeout for several operations together.
#[derive(Clone, Copy)]
struct Limit {
    timeout: Duration,
    deadline: Deadline,
}

/// One operation, which may make several calls within its bounds.
pub(crate) struct Operation<'a, R: Runtime> {
    vault: &'a Arc<Vault<R>>,
    bounds: Bounds,
    bypasses_cache: bool,
}

impl<R: Runtime> Clone for Operations<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: Runtime> Copy for Operations<'_, R> {}

impl<'a, R: Runtime> Operations<'a, R> {
    pub(crate) fn new(vault: &'a Arc<Vault<R>>) -> Self {
        Self {
            vault,
            limit: None,
            options: CallOptions::default(),
            cancel: None,
        }
    }

    /// Returns the same operations with a deadline for all of them, `timeout` from now at the latest.
    pub(crate) fn within(&self, timeout: Duration) -> Self {
        let deadline = self.vault.api.deadline_in(timeout);
        let limit = match self.limit {
            Some(limit) if limit.deadline <= deadline => limit,
            _ => Limit { timeout, deadline },
        };
        Self {
            limit: Some(limit),
            ..*self
        }
    }

    /// Returns the same operations with these options.
    pub(crate) fn with(&self, options: CallOptions) -> Self {
        Self { options, ..*self }
    }

    /// Returns the same operations with a token that cancels them.
    pub(crate) fn cancelled_by(&self, token: &'a CancelToken) -> Self {
        Self {
            cancel: Some(token),
            ..*self
        }
    }

    pub(crate) fn cancel_token(&self) -> Option<&'a CancelToken> {
        self.cancel
    }

    /// Begins an operation: it has the timeout of an operation from now, and ends with the limit.
    pub(crate) fn begin(&self) -> Operation<'a, R> {
        let api = &self.vault.api;
        let timeout = self.options.timeout.unwrap_or(api.timeouts.operation);
        let own = api.deadline_in(timeout);
        Operation {
            vault: self.vault,
            bounds: Bounds {
                deadline: self.limit.map_or(own, |limit| own.min(limit.deadline)),
                attempts: self.options.attempts,
                cancel: self.cancel.cloned(),
            },
            bypasses_cache: self.options.bypass_cache,
        }
    }

    pub(crate) fn invalidate(&self, key: &str) {
        self.vault.prefetched.forget(key);
        if let Some(cache) = &self.vault.cache {
            cache.forget(key);
        }
    }

    pub(crate) fn invalidate_all(&self) {
        self.vault.prefetched.clear();
        if let Some(cache) = &self.vault.cache {
            cache.clear();
        }
    }
}

impl<R: Runtime> Operation<'_, R> {
    pub(crate) async fn delete(&self, key: &str) -> Result<(), Error> {
        let work = async {
            let key = parse(key)?;
            self.vault.prefetched.forget(key.as_str());
            let _invalidates = self.vault.cache.as_ref().map(|it| it.begin_write(&key));
            let call = DeleteSecret { key: key.clone() };
            let action = Action::Delete(key.clone());
            // A 404 after an attempt without an answer confirms that the attempt deleted the secret.
            let is_gone = || -> Boxed<'_, _> { Box::pin(async { ReadBack::Done(()) }) };
            let api = &self.vault.api;
            api.call_with_read_back(&call, action, &self.bounds, is_gone)
                .await
        };
        self.observed("secrets.delete", Some(key), work).await
    }

    pub(crate) async fn list(&self) -> Result<Vec<SecretMetadata>, Error> {
        let work = async {
            let listed = self.list_all().await?.into_iter();
            Ok(listed.map(|secret| self.metadata(secret)).collect())
        };
        self.observed("secrets.list", None, work).await
    }

    /// Returns the change of an expiry on the wire, counted from now.
    fn expiry(&self, expiry: Expiry) -> endpoint::Expiry {
        expiry.on_wire(timestamp(self.vault.api.runtime.wall()))
    }

    fn metadata(&self, listed: ListedSecret) -> SecretMetadata {
        let key = ListedKey::new(listed.key);
        let time = |member, time| self.known_time(&key, member, time);
        let created_at = time("created_at", listed.created_at);
        let updated_at = time("updated_at", listed.updated_at);
        let expires_at = time("expires_at", listed.expires_at);
        SecretMetadata::new(key, created_at, updated_at, expires_at, listed.version)
    }

    /// Returns the time of an answer, if it is known. Reports a time that cannot be read or represented.
    fn known_time(&self, key: &ListedKey, member: &'static str, time: Time) -> Option<Timestamp> {
        let used = time.known();
        if time.is_altered() {
            let key = HiddenKey(key);
            let event = Event::InvalidTime { key, member, used };
            self.vault.api.observer.emit(event);
        }
        used
    }
}

fn parse(key: &str) -> Result<KeyName, Error> {
    KeyName::parse(key).map_err(|reason| Error::config(ConfigError::key_name(key, reason)))
}

/// Parses a name that is given with a value. If the value would be a valid name, the two may be swapped, and the
/// error does not show the text in place of the name.
fn parse_beside(key: &str, value: &str) -> Result<KeyName, Error> {
    KeyName::parse(key).map_err(|reason| {
        let may_be_swapped = KeyName::parse(value).is_ok();
        Error::config(if may_be_swapped {
            ConfigError::HiddenKeyName(reason)
        } else {
            ConfigError::key_name(key, reason)
        })
    })
}
