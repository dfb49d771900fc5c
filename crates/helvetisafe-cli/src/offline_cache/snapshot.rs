//! All cached responses of one vault and account.

use std::collections::BTreeMap;

use helvetisafe::Timestamp;
use http::{Method, Request, Response, StatusCode};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::entry::CacheEntry;
use super::recorder::{Change, Update};
use super::resource::{self, LIST, ORG_KEY, TICKET, is_secret};

/// The cached responses by their resources.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Snapshot(BTreeMap<String, CacheEntry>);

impl Snapshot {
    pub(crate) fn get(&self, resource: &str) -> Option<&CacheEntry> {
        self.0.get(resource)
    }

    pub(crate) fn has_org_key(&self) -> bool {
        self.0.contains_key(ORG_KEY)
    }

    /// Returns the resumption ticket of the next client.
    pub(crate) fn ticket(&self) -> Option<&str> {
        self.get(TICKET)?.answer.as_str()
    }

    /// The vault's response for an expired secret.
    const GONE: &str = r#"{"error":"not found","code":"secret_not_found"}"#;

    /// The response to a request for an access token. This placeholder is never sent to a vault.
    const TOKEN: &str = r#"{"access_token":"offline","expires_in":3600}"#;

    /// Returns whether a request is for an access token.
    pub(crate) fn is_token(request: &Request<Vec<u8>>) -> bool {
        request.method() == Method::POST && request.uri().path().ends_with("/oauth/token")
    }

    /// Returns the response to a request, with a placeholder as the access token. `None` if it is not cached, or if it
    /// is a secret or the list and older than `max_age`.
    pub(crate) fn replay(
        &self,
        request: &Request<Vec<u8>>,
        max_age: Option<SignedDuration>,
        now: Timestamp,
    ) -> Option<Response<Vec<u8>>> {
        if Self::is_token(request) {
            return self
                .has_org_key()
                .then(|| Response::new(Self::TOKEN.into()));
        }
        let path = request.uri().path();
        let resource = resource::of_path(path).filter(|_| request.method() == Method::GET)?;
        let entry = self.get(resource)?;
        let is_limited = resource == LIST || is_secret(resource);
        if is_limited && max_age.is_some_and(|limit| !entry.is_within(limit, now)) {
            return None;
        }
        if entry.is_expired(now) {
            let mut gone = Response::new(Self::GONE.into());
            *gone.status_mut() = StatusCode::NOT_FOUND;
            return Some(gone);
        }
        Some(Response::new(entry.body(now)))
    }

    /// Applies the changes of a run, unless a newer entry is cached, and drops expired secrets. Runs may
    /// end in another order than they requested.
    pub(crate) fn apply(&mut self, mut update: Update, now: Timestamp) {
        match self.rotation(&update, now) {
            // Secrets under the old org key cannot be opened any more.
            Rotation::Cached => self.0.clear(),
            Rotation::Updated => update.retain(|_, change| change.is_gone()),
            Rotation::None => {}
        }
        for (resource, change) in update {
            let at = change.at();
            if self.get(&resource).is_some_and(|old| old.is_newer(at, now)) {
                continue;
            }
            match change {
                Change::Entry(new) => self.0.insert(resource, new),
                Change::Gone(_) => self.0.remove(&resource),
            };
        }
        self.0.retain(|_, entry| !entry.is_expired(now));
    }

    fn rotation(&self, update: &Update, now: Timestamp) -> Rotation {
        let Some(Change::Entry(new)) = update.get(ORG_KEY) else {
            return Rotation::None;
        };
        match self.get(ORG_KEY) {
            Some(old) if old.answer == new.answer => Rotation::None,
            Some(old) if old.is_newer(new.at, now) => Rotation::Updated,
            _ => Rotation::Cached,
        }
    }
}

/// The side that has an old org key.
enum Rotation {
    None,
    /// The cached entries.
    Cached,
    /// The update.
    Updated,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn entry(at: i64, body: &str) -> Change {
        Change::Entry(CacheEntry::new(time(at), body.as_bytes()).unwrap())
    }

    fn ticket(at: i64, text: &str) -> Change {
        Change::Entry(CacheEntry::of_ticket(time(at), text.to_owned()))
    }

    fn gone(at: i64) -> Change {
        Change::Gone(time(at))
    }

    fn update<const N: usize>(items: [(&str, Change); N]) -> Update {
        items
            .map(|(resource, answer)| (resource.to_owned(), answer))
            .into()
    }

    #[test]
    fn newer_entries_stay_and_deleted_or_expired_ones_go() {
        let mut snapshot = Snapshot::default();
        let expiring = r#"{"expires_at":"1970-01-01T00:01:00Z"}"#;
        snapshot.apply(
            update([
                ("secrets/A", entry(5, r#"{"key":"A"}"#)),
                ("secrets/B", entry(5, "{}")),
                ("secrets/C", entry(5, expiring)),
            ]),
            time(10),
        );
        assert!(snapshot.get("secrets/C").is_some());
        let older = entry(4, "{}");
        snapshot.apply(
            update([("secrets/A", older), ("secrets/B", gone(5))]),
            time(60),
        );
        assert_eq!(snapshot.get("secrets/A").unwrap().at, time(5));
        assert!(snapshot.get("secrets/B").is_none());
        assert!(snapshot.get("secrets/C").is_none());
    }

    #[test]
    fn entries_from_the_future_are_replaced() {
        let mut snapshot = Snapshot::default();
        snapshot.apply(
            update([
                ("secrets/A", entry(100, "{}")),
                (TICKET, ticket(100, "old")),
            ]),
            time(100),
        );
        snapshot.apply(
            update([("secrets/A", entry(10, "{}")), (TICKET, ticket(10, "new"))]),
            time(11),
        );
        assert_eq!(snapshot.get("secrets/A").unwrap().at, time(10));
        assert_eq!(snapshot.ticket(), Some("new"));
    }

    #[test]
    fn another_org_key_drops_entries_of_the_old_one() {
        let mut snapshot = Snapshot::default();
        let first = || entry(1, r#"{"encrypted_org_key":"a"}"#);
        snapshot.apply(
            update([
                (ORG_KEY, first()),
                ("secrets/A", entry(1, "{}")),
                (TICKET, ticket(1, "t")),
            ]),
            time(1),
        );
        snapshot.apply(update([(ORG_KEY, first())]), time(1));
        assert!(snapshot.get("secrets/A").is_some());
        assert_eq!(snapshot.ticket(), Some("t"));
        let second = entry(2, r#"{"encrypted_org_key":"b"}"#);
        snapshot.apply(update([(ORG_KEY, second)]), time(2));
        assert!(snapshot.get("secrets/A").is_none());
        assert_eq!(snapshot.ticket(), None);
    }

    /// The snapshot after a run that requested at 5, before the org key was rotated at 7, and ended at 12.
    fn after_a_run_from_before_a_rotation(cached_at: i64) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.apply(
            update([
                (ORG_KEY, entry(cached_at, r#"{"encrypted_org_key":"new"}"#)),
                ("secrets/A", entry(cached_at, r#"{"value":"new"}"#)),
                ("secrets/B", entry(cached_at, "{}")),
                ("secrets/C", entry(4, "{}")),
                (TICKET, ticket(cached_at, "new")),
            ]),
            time(cached_at),
        );
        snapshot.apply(
            update([
                (ORG_KEY, entry(5, r#"{"encrypted_org_key":"old"}"#)),
                ("secrets/A", entry(5, r#"{"value":"old"}"#)),
                ("secrets/B", gone(5)),
                ("secrets/C", gone(5)),
                ("secrets/D", entry(5, "{}")),
                (TICKET, ticket(12, "old")),
            ]),
            time(12),
        );
        snapshot
    }

    #[test]
    fn an_update_with_an_older_org_key_only_removes() {
        let snapshot = after_a_run_from_before_a_rotation(10);
        for resource in [ORG_KEY, "secrets/A", "secrets/B"] {
            assert_eq!(snapshot.get(resource).unwrap().at, time(10), "{resource}");
        }
        assert_eq!(snapshot.ticket(), Some("new"));
        assert!(snapshot.get("secrets/C").is_none(), "gone since");
        assert!(snapshot.get("secrets/D").is_none(), "it does not open");
    }

    #[test]
    fn an_org_key_from_the_future_is_replaced() {
        let snapshot = after_a_run_from_before_a_rotation(100);
        assert_eq!(snapshot.get(ORG_KEY).unwrap().at, time(5));
        assert_eq!(snapshot.get("secrets/A").unwrap().at, time(5));
        assert_eq!(snapshot.ticket(), Some("old"));
    }

    #[test]
    fn a_secret_that_was_created_again_is_not_gone() {
        let mut snapshot = Snapshot::default();
        snapshot.apply(update([("secrets/A", entry(5, "{}"))]), time(5));
        snapshot.apply(update([("secrets/A", gone(4))]), time(6));
        assert!(snapshot.get("secrets/A").is_some());
        snapshot.apply(update([("secrets/A", gone(5))]), time(6));
        assert!(snapshot.get("secrets/A").is_none());
    }
}
