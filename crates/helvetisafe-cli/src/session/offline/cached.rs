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

    pub(super) fn missing_secret(&self, key: &KeyName) -> Failure {
        let now = Timestamp::now();
        match self.snapshot.get(&secret_resource(key)) {
            Some(entry) if !entry.is_expired(now) => Failure::new(
                Status::NotFound,
                format_args!(
                    "the secret `{key}` was cached {} ago, which is longer than --max-age",
                    expiry::time_in_words(entry.age(now).as_secs().max(0))
                ),
            ),
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

pub(super) fn missing_list() -> Failure {
    missing(
        "no list of the secrets is cached, or it is older than --max-age; name the secrets with \
         --key",
    )
}

fn missing(what: impl Display) -> Failure {
    Failure::new(Status::NotFound, what).with_advice(CACHE_FIRST)
}
