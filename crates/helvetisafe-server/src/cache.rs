//! What most requests need not ask the database for: the way to SQLite's thread and back takes longer
//! than all else that a read does. Nothing here is older than the last write.

mod lists;
mod secrets;
mod tokens;

pub(crate) use lists::{List, ListCache};
pub(crate) use secrets::{Answer, SecretCache};
pub(crate) use tokens::TokenCache;
