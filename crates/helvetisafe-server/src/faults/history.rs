//! Old versions of secrets and old answers, which an honest vault does not store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;

use super::Route;
use crate::lock::lock;
use crate::store::{AccountId, Ciphertext, Tenant};

/// The version of a secret, or the answer, that a replay returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The first one.
    First,
    /// The one before the current one; for a deleted secret, the last one.
    Previous,
}

/// The recorded versions of one secret.
#[derive(Default)]
struct Versions {
    first: Option<Ciphertext>,
    previous: Option<Ciphertext>,
    current: Option<Ciphertext>,
}

/// The answers to each account, by route.
type Answers = HashMap<(AccountId, Route), Vec<Bytes>>;

/// The recorded versions of all secrets, and the answers to each account.
#[derive(Clone, Default)]
pub(super) struct History {
    secrets: Arc<Mutex<HashMap<(Tenant, String), Versions>>>,
    answers: Arc<Mutex<Answers>>,
}

impl History {
    /// Records a successful write; `None` is a delete.
    pub(super) fn record(&self, tenant: Tenant, key: &str, written: Option<Ciphertext>) {
        let mut secrets = lock(&self.secrets);
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
        let secrets = lock(&self.secrets);
        let versions = secrets.get(&(tenant, key.to_owned()))?;
        versions.previous.as_ref()?;
        match version {
            Version::First => versions.first.clone(),
            Version::Previous => versions.previous.clone(),
        }
    }

    /// Records an answer to an account, unless it is the last one again.
    pub(super) fn record_answer(&self, account: AccountId, route: Route, answer: &Bytes) {
        let mut answers = lock(&self.answers);
        let answers = answers.entry((account, route)).or_default();
        if answers.last() != Some(answer) {
            answers.push(answer.clone());
        }
    }

    /// Returns an earlier answer to an account, which is not the present one.
    pub(super) fn answer(
        &self,
        account: AccountId,
        route: Route,
        version: Version,
        present: &Bytes,
    ) -> Option<Bytes> {
        let answers = lock(&self.answers);
        let mut others = answers
            .get(&(account, route))?
            .iter()
            .filter(|it| *it != present);
        let found = match version {
            Version::First => others.next(),
            Version::Previous => others.next_back(),
        };
        found.cloned()
    }
}
