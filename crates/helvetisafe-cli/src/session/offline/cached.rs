//! The cached entries that a run may use, and the failures for all others.

use std::fmt::Display;

use helvetisafe::{KeyName, Timestamp};
use jiff::SignedDuration;

use crate::failure::{Failure, Status};
use crate::offline_cache::{CacheFile, LIST, Snapshot};
use crate::ui::expiry;

/// The advice if something is not cached.
const CACHE_FIRST: &str = "run it once with --prefer-offline where the vault can be reached";

/// The cached entries, and the limit of their age.
pub(super) struct Cached<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) max_age: Option<SignedDuration>,
    pub(super) file: Option<&'a CacheFile>,
}

impl Cached<'_> {
    pub(super) fn has_secret(&self, key: &KeyName) -> bool {
        self.snapshot.has_org_key() && self.has(&secret_resource(key))
    }

    pub(super) fn has_list(&self) -> bool {
        self.has(LIST)
    }

    fn has(&self, resource: &str) -> bool {
        let now = Timestamp::now();
        let entry = self.snapshot.get(resource);
        let Some(entry) = entry.filter(|entry| !entry.is_expired(now)) else {
            return false;
        };
        self.max_age.is_none_or(|limit| entry.is_within(limit, now))
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
        match self.file {
            Some(file) => failure.with_advice(&format!(
                "it is cached in {file}: delete that to start again"
            )),
            None => failure,
        }
    }

    /// Adds that an entry was too old for --max-age to replace the answer of the vault.
    pub(super) fn explain(
        &self,
        failure: Failure,
        resources: impl IntoIterator<Item = String>,
    ) -> Failure {
        let mut reasons = resources.into_iter().filter_map(|it| self.too_old(&it));
        match reasons.next() {
            Some(reason) => {
                failure.with_advice(&format!("a cached entry was not used: it {reason}"))
            }
            None => failure,
        }
    }

    /// Returns the reason for which --max-age refuses an entry.
    fn too_old(&self, resource: &str) -> Option<String> {
        let now = Timestamp::now();
        let entry = self.snapshot.get(resource);
        let entry = entry.filter(|entry| !entry.is_expired(now) && !self.has(resource))?;
        let age = entry.age(now);
        Some(if age.is_negative() {
            format!(
                "was cached at {:.0}, which is later than now by the clock of this machine, so its age is \
                 unknown; set the clock, or leave out --max-age",
                entry.requested_at()
            )
        } else {
            let age = expiry::time_in_words(age.as_secs());
            format!("was cached {age} ago, which is longer than --max-age")
        })
    }

    pub(super) fn missing_list(&self) -> Failure {
        let reason = match self.too_old(LIST) {
            Some(reason) => format!("the list of the secrets {reason}"),
            None => "no list of the secrets is cached".to_owned(),
        };
        missing(format_args!("{reason}; name the secrets with --key"))
    }

    pub(super) fn missing_secret(&self, key: &KeyName) -> Failure {
        let now = Timestamp::now();
        let resource = secret_resource(key);
        if let Some(reason) = self.too_old(&resource) {
            return Failure::other(format_args!("the secret `{key}` {reason}"));
        }
        match self.snapshot.get(&resource) {
            Some(entry) if !entry.is_expired(now) => missing(format_args!(
                "the secret `{key}` cannot be used: its org key is not in the offline cache"
            )),
            Some(_) => Failure::new(
                Status::NotFound,
                format_args!("the secret `{key}` has expired"),
            ),
            None if !self.snapshot.has_org_key() => empty(),
            None => missing(format_args!(
                "the secret `{key}` is not in the offline cache"
            )),
        }
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
