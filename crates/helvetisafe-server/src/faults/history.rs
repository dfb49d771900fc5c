//! Old versions of secrets, which an honest vault does not store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::lock::lock;
use crate::store::{Ciphertext, Tenant};

/// The version of a secret that a replay returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The first version.
    First,
    /// The version before the current one; for a deleted secret, the last one.
    Previous,
}

/// The recorded versions of one secret.
#[derive(Default)]
struct Versions {
    first: Option<Ciphertext>,
    previous: Option<Ciphertext>,
    current: Option<Ciphertext>,
}

/// The recorded versions of all secrets.
#[derive(Clone, Default)]
pub(super) struct History(Arc<Mutex<HashMap<(Tenant, String), Versions>>>);

impl History {
    /// Records a successful write; `None` is a delete.
    pub(super) fn record(&self, tenant: Tenant, key: &str, written: Option<Ciphertext>) {
        let mut secrets = lock(&self.0);
        let versions = secrets.entry((tenant, key.to_owned())).or_default();
        if versions.first.is_none() {
            versions.first.clone_from(&written);
        }
        if let Some(current) = std::mem::replace(&mut versions.current, written) {
            versions.previous = Some(current);
        }
    }

    /// Returns a version; `None` if the current version is the only one.
    pub(super) fn version(
        &self,
        tenant: Tenant,
        key: &str,
        version: Version,
    ) -> Option<Ciphertext> {
        let secrets = lock(&self.0);
        let versions = secrets.get(&(tenant, key.to_owned()))?;
        versions.previous.as_ref()?;
        match version {
            Version::First => versions.first.clone(),
            Version::Previous => versions.previous.clone(),
        }
    }
}
