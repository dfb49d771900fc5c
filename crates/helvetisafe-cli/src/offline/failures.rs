//! Why what is kept does not serve, and what to do.

use std::fmt::Display;

use helvetisafe::{KeyName, Timestamp};

use super::{Offline, secret_resource};
use crate::expiry;
use crate::failure::{Failure, Status};

/// What to do where something is not kept.
const KEEP_FIRST: &str = "run it once with --prefer-offline where the vault can be reached";

impl Offline {
    /// The failure to begin with what is kept. It may be the only copy: no advice to delete it
    /// where it may well be good.
    pub(super) fn about_connecting(&self, failure: Failure) -> Failure {
        if failure.may_pass() {
            // The private key of a password, where that is used for the first time.
            return failure.with_advice(KEEP_FIRST);
        }
        if failure.status() != Status::Crypto as u8 {
            return self.about_kept(failure);
        }
        let failure = failure.with_advice(
            "the private key, the password or the fingerprint that is given may be another than \
             this account's: see to that first",
        );
        self.about_kept(failure)
    }

    pub(super) fn not_kept(&self, key: &KeyName) -> Failure {
        let now = Timestamp::now();
        match self.kept.get(&secret_resource(key)) {
            Some(kept) if !kept.is_expired(now) => Failure::new(
                Status::NotFound,
                format_args!(
                    "the secret `{key}` was kept {} ago, which is longer than --max-age",
                    expiry::time_in_words(kept.age(now).as_secs().max(0))
                ),
            ),
            Some(_) => Failure::new(
                Status::NotFound,
                format_args!("the secret `{key}` has expired"),
            ),
            None if !self.kept.has_org_key() => nothing_kept(),
            None => missing(format_args!(
                "the secret `{key}` is not kept for use offline"
            )),
        }
    }

    /// The failure of something that is kept.
    pub(super) fn about_kept(&self, failure: Failure) -> Failure {
        match &self.file {
            Some(file) => {
                failure.with_advice(&format!("it was kept in {file}: delete that to start anew"))
            }
            None => failure,
        }
    }
}

pub(super) fn nothing_kept() -> Failure {
    missing("nothing is kept for this vault and account")
}

pub(super) fn missing(what: impl Display) -> Failure {
    Failure::new(Status::NotFound, what).with_advice(KEEP_FIRST)
}
