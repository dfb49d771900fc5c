//! The number of an org key: an extension of this project's vault. The first key has 1, and each rotation adds 1.

use serde::{Deserialize, Deserializer};

/// Reads an epoch. Any other JSON value, of any type, is `None`: it may be a member of another server.
pub(crate) fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(serde_json::Value::deserialize(deserializer)?.as_u64())
}
