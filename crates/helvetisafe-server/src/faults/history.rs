//! Old versions of the secrets, which an honest vault forgets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;

use crate::store::OrganizationId;

/// Which version of a secret a replay gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The first one that was written.
    First,
    /// The one before the last; for a secret that was deleted, the last.
    Previous,
}

/// What a write stores.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Stored {
    pub(super) value: String,
    pub(super) nonce: String,
}

/// All that is remembered of one secret.
#[derive(Default)]
struct Versions {
    first: Option<Stored>,
    previous: Option<Stored>,
    current: Option<Stored>,
}

/// The versions of all secrets.
#[derive(Clone, Default)]
pub(super) struct History(Arc<Mutex<HashMap<(OrganizationId, String), Versions>>>);

impl History {
    /// Remembers a write that took effect; `None` is a delete.
    pub(super) fn wrote(&self, organization: OrganizationId, key: &str, stored: Option<Stored>) {
        let mut secrets = self.secrets();
        let versions = secrets.entry((organization, key.to_owned())).or_default();
        if versions.first.is_none() {
            versions.first.clone_from(&stored);
        }
        if let Some(current) = std::mem::replace(&mut versions.current, stored) {
            versions.previous = Some(current);
        }
    }

    /// A version, where there was one that the secret no longer has.
    pub(super) fn version(
        &self,
        organization: OrganizationId,
        key: &str,
        version: Version,
    ) -> Option<Stored> {
        let secrets = self.secrets();
        let versions = secrets.get(&(organization, key.to_owned()))?;
        versions.previous.as_ref()?;
        match version {
            Version::First => versions.first.clone(),
            Version::Previous => versions.previous.clone(),
        }
    }

    // No code panics while it holds the lock.
    fn secrets(&self) -> MutexGuard<'_, HashMap<(OrganizationId, String), Versions>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
