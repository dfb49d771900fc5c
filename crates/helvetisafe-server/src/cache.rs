//! Caches of what most requests need. A query to SQLite's thread and back takes longer than all other
//! work of a read. No cached value is older than the last write.

mod lists;
mod secrets;
mod tokens;

pub(crate) use lists::{CachedList, ListCache};
pub(crate) use secrets::SecretCache;
pub(crate) use tokens::TokenCache;

use axum::body::Bytes;

use helvetisafe_proto::Version;

use crate::store::Moment;

/// The answer to a read of the database.
#[derive(Clone)]
pub(crate) struct CachedAnswer {
    /// The JSON of the response.
    pub(crate) body: Bytes,
    pub(crate) read_at: Moment,
    /// The first expiry of a secret in the answer.
    pub(crate) expires_at: Option<Moment>,
    /// The version of the one secret in the answer.
    pub(crate) version: Option<Version>,
}

impl CachedAnswer {
    /// Returns whether the same secrets have expired at `now` as at the time of the read.
    fn is_valid_at(&self, now: Moment) -> bool {
        self.read_at <= now && self.expires_at.is_none_or(|end| now < end)
    }
}
