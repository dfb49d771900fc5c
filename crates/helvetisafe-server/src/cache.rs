//! Caches of what most requests need. A query to SQLite's thread and back takes longer than all other
//! work of a read. No cached value is older than the last write.

mod lists;
mod secrets;
mod tokens;

pub(crate) use lists::{CachedList, ListCache};
pub(crate) use secrets::{CachedSecret, SecretCache};
pub(crate) use tokens::TokenCache;
