//! Old versions of secrets, which an honest vault does not store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;

use crate::store::OrganizationId;

/// The version of a secret that a replay returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The first version.
    First,
    /// The version before the current one; for a deleted secret, the last one.
    Previous,
}

/// The ciphertext of a write.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Stored {
    pub(super) value: String,
    pub(super) nonce: String,
}

/// The recorded versions of one secret.
#[derive(Default)]
struct Versions {
    first: Option<Stored>,
    previous: Option<Stored>,
    current: Option<Stored>,
}

/// The recorded versions of all secrets.
#[derive(Clone, Default)]
pub(super) struct History(Arc<Mutex<HashMap<(OrganizationId, String), Versions>>>);

impl History {
    /// Records a successful write; `None` is a delete.
    pub(super) fn record(&self, organization: OrganizationId, key: &str, stored: Option<Stored>) {
        let mut secrets = self.secrets();
        let versions = secrets.entry((organization, key.to_owned())).or_default();
        if versions.first.is_none() {
            versions.first.clone_from(&stored);
        }
        if let Some(current) = std::mem::replace(&mut versions.current, stored) {
            versions.previous = Some(current);
        }
    }

    /// Returns a version; `None` if the current version is the only one.
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
