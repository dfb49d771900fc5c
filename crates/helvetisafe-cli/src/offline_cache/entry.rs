//! One cached response of the vault.

use helvetisafe::Timestamp;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The members of responses that a client reads. All others are dropped: they could repeat a credential.
const MEMBERS: [&str; 11] = [
    "auth_tag",
    "created_at",
    "encrypted_org_key",
    "encrypted_private_key",
    "expires_at",
    "key",
    "keys",
    "nonce",
    "salt",
    "updated_at",
    "value",
];

/// The body of a response, and the time of its request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CacheEntry {
    pub(super) at: Timestamp,
    pub(super) answer: Value,
}

impl CacheEntry {
    /// Parses a body; `None` if it is not JSON, which the client refuses too.
    pub(super) fn new(at: Timestamp, body: &[u8]) -> Option<Self> {
        let mut answer = serde_json::from_slice(body).ok()?;
        strip(&mut answer);
        Some(Self { at, answer })
    }

    /// The entry of a resumption ticket.
    pub(super) fn of_ticket(at: Timestamp, ticket: String) -> Self {
        let answer = Value::String(ticket);
        Self { at, answer }
    }

    /// Returns true if it was requested after `at`. A time in the future does not count: the clock was set
    /// back.
    pub(super) fn is_newer(&self, at: Timestamp, now: Timestamp) -> bool {
        self.at > at && self.at <= now
    }

    pub(crate) fn age(&self, now: Timestamp) -> SignedDuration {
        now.duration_since(self.at)
    }

    /// Returns true if it is a secret that has expired.
    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        is_expired(&self.answer, now)
    }

    /// Returns the body to replay: a list without the secrets that have expired.
    pub(crate) fn body(&self, now: Timestamp) -> Vec<u8> {
        let mut answer = self.answer.clone();
        if let Some(Value::Array(keys)) = answer.get_mut("keys") {
            keys.retain(|listed| !is_expired(listed, now));
        }
        answer.to_string().into_bytes()
    }

    /// Returns true if it is a list with this secret.
    pub(super) fn lists(&self, name: &str) -> bool {
        let keys = self.answer.get("keys").and_then(Value::as_array);
        keys.is_some_and(|keys| keys.iter().any(|listed| is_about(listed, name)))
    }

    /// Removes a secret from a list.
    pub(super) fn unlist(&mut self, name: &str) {
        if let Some(Value::Array(keys)) = self.answer.get_mut("keys") {
            keys.retain(|listed| !is_about(listed, name));
        }
    }
}

fn is_about(listed: &Value, name: &str) -> bool {
    listed.get("key").and_then(Value::as_str) == Some(name)
}

fn is_expired(record: &Value, now: Timestamp) -> bool {
    let expires_at = record.get("expires_at").and_then(Value::as_str);
    // An invalid time stays, for the client to report.
    let expires_at = expires_at.and_then(|text| text.parse::<Timestamp>().ok());
    expires_at.is_some_and(|at| at <= now)
}

fn strip(answer: &mut Value) {
    match answer {
        Value::Object(members) => {
            members.retain(|name, _| MEMBERS.contains(&name.as_str()));
            members.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(json: &str) -> Vec<u8> {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        CacheEntry::new(at(0), json.as_bytes()).unwrap().body(at(5))
    }

    #[test]
    fn members_that_no_client_reads_are_dropped() {
        let json = r#"{"key":"K","token":"x","keys":[{"key":"L","echo":"y"}]}"#;
        assert_eq!(body(json), br#"{"key":"K","keys":[{"key":"L"}]}"#);
    }

    #[test]
    fn a_list_leaves_out_expired_secrets() {
        let json = r#"{"keys":[{"expires_at":"1970-01-01T00:00:05Z","key":"A"},{"key":"B"}]}"#;
        assert_eq!(body(json), br#"{"keys":[{"key":"B"}]}"#);
    }
}
