//! The cached entries that a run may use, and the failures for all others.

use std::fmt::Display;
use std::sync::{PoisonError, RwLock};

use helvetisafe::{KeyName, Timestamp};
use jiff::SignedDuration;

use crate::failure::{Failure, Status};
use crate::offline_cache::{CacheFile, LIST, Miss, ORG_KEY, Snapshot, Update};
use crate::ui::expiry;

/// The advice if something is not cached.
const CACHE_FIRST: &str = "run it once with --prefer-offline where the vault can be reached";

/// The cached entries, and the limit of their age.
pub(super) struct Cached {
    pub(super) snapshot: RwLock<Snapshot>,
    pub(super) max_age: Option<SignedDuration>,
    pub(super) file: Option<CacheFile>,
}

/// The body and the age of an entry.
pub(super) struct Found {
    pub(super) body: Vec<u8>,
    pub(super) age: SignedDuration,
}

impl Cached {
    /// Returns a copy of the entry that may serve a resource now.
    pub(super) fn find(&self, resource: &str) -> Result<Found, Miss> {
        let now = Timestamp::now();
        let snapshot = self.snapshot.read().unwrap_or_else(PoisonError::into_inner);
        let entry = snapshot.find(resource, self.max_age, now)?;
        Ok(Found {
            body: entry.body(now),
            age: entry.age(now),
        })
    }

    pub(super) fn has(&self, resource: &str) -> bool {
        self.find(resource).is_ok()
    }

    pub(super) fn has_org_key(&self) -> bool {
        self.has(ORG_KEY)
    }

    /// Returns the resumption ticket of an earlier client.
    pub(super) fn ticket(&self) -> Option<String> {
        let snapshot = self.snapshot.read().unwrap_or_else(PoisonError::into_inner);
        snapshot.ticket().map(str::to_owned)
    }

    /// Applies an update here, and to the file.
    pub(super) fn update(&self, update: Update) -> Result<(), Failure> {
        let Some(file) = self.file.as_ref().filter(|_| !update.is_empty()) else {
            return Ok(());
        };
        let mut snapshot = self
            .snapshot
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        snapshot.apply(update.clone(), Timestamp::now());
        drop(snapshot);
        file.update(update).map_err(|error| {
            Failure::other(format_args!(
                "cannot cache the vault's answers for later runs, in {file}: {error}"
            ))
        })
    }

    /// Explains why no client can start from the cache. The cache may be the only copy, so the advice to
    /// delete it comes last.
    pub(super) fn cannot_connect(&self, failure: Failure) -> Failure {
        if failure.may_pass() {
            // The private key that the vault stores is not cached yet.
            return failure.with_advice(CACHE_FIRST);
        }
        if failure.status() != Status::Crypto as u8 {
            return self.unusable(failure);
        }
        let failure = failure.with_advice(
            "the private key, the password or the fingerprint may belong to another account: \
             check them first",
        );
        self.unusable(failure)
    }

    /// Names the file of an unusable entry.
    pub(super) fn unusable(&self, failure: Failure) -> Failure {
        match &self.file {
            Some(file) => failure.with_advice(&format!(
                "it is cached in {file}: delete that to start again"
            )),
            None => failure,
        }
    }

    /// Adds that an entry was too old for --max-age to replace the answer of the vault.
    pub(super) fn explain(&self, failure: Failure, resources: &[String]) -> Failure {
        let misses = resources.iter().filter_map(|it| self.find(it).err());
        match { misses }.find_map(too_old) {
            Some(reason) => {
                failure.with_advice(&format!("a cached entry was not used: it {reason}"))
            }
            None => failure,
        }
    }
}

/// Returns the reason for which --max-age refuses an entry, if it does.
fn too_old(miss: Miss) -> Option<String> {
    match miss {
        Miss::TooOld(age) => {
            let age = expiry::time_in_words(age.as_secs());
            Some(format!(
                "was cached {age} ago, which is longer than --max-age"
            ))
        }
        Miss::Future(at) => Some(format!(
            "was cached at {at:.0}, which is later than now by the clock of this machine, so its age is \
             unknown; set the clock, or leave out --max-age"
        )),
        Miss::NoOrgKey | Miss::Absent | Miss::Expired => None,
    }
}

/// Makes the failure for a list that the cache does not serve.
pub(super) fn missing_list(miss: Miss) -> Failure {
    let reason = match too_old(miss) {
        Some(reason) => format!("the list of the secrets {reason}"),
        None => "no list of the secrets is cached".to_owned(),
    };
    missing(reason)
}

/// Makes the failure for a secret that the cache does not serve.
pub(super) fn missing_secret(key: &KeyName, miss: Miss) -> Failure {
    match (miss, too_old(miss)) {
        (_, Some(reason)) => Failure::other(format_args!("the secret `{key}` {reason}")),
        (Miss::Expired, _) => Failure::new(
            Status::NotFound,
            format_args!("the secret `{key}` has expired"),
        ),
        (Miss::NoOrgKey, _) => empty(),
        _ => missing(format_args!(
            "the secret `{key}` is not in the offline cache"
        )),
    }
}

pub(super) fn secret_resource(key: &KeyName) -> String {
    format!("{LIST}/{key}")
}

pub(super) fn empty() -> Failure {
    missing("nothing is cached for this vault and account")
}

/// Makes the failure for a missing entry. The vault was not asked, so its status is not that of a missing secret.
fn missing(what: impl Display) -> Failure {
    Failure::other(what).with_advice(CACHE_FIRST)
}
