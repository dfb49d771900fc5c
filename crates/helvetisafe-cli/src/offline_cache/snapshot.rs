//! All cached responses of one vault and account.

use std::collections::BTreeMap;

use helvetisafe::Timestamp;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::entry::CacheEntry;
use super::recorder::{Change, Update};
use super::resource::{LIST, ORG_KEY, TICKET, is_data, secret_name};

/// The cached responses by their resources.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Snapshot(BTreeMap<String, CacheEntry>);

/// The reason for which the cache does not serve a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// Nothing can be decrypted without the org key.
    NoOrgKey,
    Absent,
    Expired,
    /// Its age is over the limit.
    TooOld(SignedDuration),
    /// It was requested at this time, which is later than now: the clock was set back. So its age is unknown.
    Future(Timestamp),
}

impl Snapshot {
    fn get(&self, resource: &str) -> Option<&CacheEntry> {
        self.0.get(resource)
    }

    /// Returns the resumption ticket of the next client.
    pub(crate) fn ticket(&self) -> Option<&str> {
        self.get(TICKET)?.answer.as_str()
    }

    /// Returns the entry that may serve a resource now. Every use of the cache calls it.
    pub(crate) fn find(
        &self,
        resource: &str,
        max_age: Option<SignedDuration>,
        now: Timestamp,
    ) -> Result<&CacheEntry, Miss> {
        if !self.0.contains_key(ORG_KEY) {
            return Err(Miss::NoOrgKey);
        }
        let entry = self.get(resource).ok_or(Miss::Absent)?;
        if entry.is_expired(now) {
            return Err(Miss::Expired);
        }
        let Some(limit) = max_age.filter(|_| is_data(resource)) else {
            return Ok(entry);
        };
        match entry.age(now) {
            age if age.is_negative() => Err(Miss::Future(entry.at)),
            age if age > limit => Err(Miss::TooOld(age)),
            _ => Ok(entry),
        }
    }

    /// Applies the changes of a run, unless a newer entry is cached, and drops expired secrets. Runs may
    /// end in another order than they requested.
    pub(crate) fn apply(&mut self, mut update: Update, now: Timestamp) {
        match self.rotation(&update, now) {
            // Secrets under the old org key cannot be opened any more.
            Rotation::Cached => self.0.clear(),
            Rotation::Updated => update.retain(|_, change| change.is_removal()),
            Rotation::None => {}
        }
        for (resource, change) in update {
            let at = change.at();
            if self.get(&resource).is_some_and(|old| old.is_newer(at, now)) {
                continue;
            }
            match change {
                Change::Entry(new) => {
                    self.0.insert(resource, new);
                }
                Change::Gone(at) => {
                    self.0.remove(&resource);
                    self.unlist(&resource, at, now);
                }
                Change::Replaced(_) => {
                    self.0.remove(&resource);
                }
            }
        }
        self.0.retain(|_, entry| !entry.is_expired(now));
    }

    /// Returns true if a removal would change something.
    pub(crate) fn has_any(&self, update: &Update) -> bool {
        update
            .keys()
            .any(|resource| self.0.contains_key(resource) || self.lists(resource))
    }

    fn lists(&self, resource: &str) -> bool {
        let list = self.get(LIST);
        secret_name(resource).is_some_and(|name| list.is_some_and(|list| list.lists(name)))
    }

    /// Removes a secret from the list, unless the list was requested later.
    fn unlist(&mut self, resource: &str, at: Timestamp, now: Timestamp) {
        let Some(list) = self.0.get_mut(LIST) else {
            return;
        };
        if let Some(name) = secret_name(resource)
            && !list.is_newer(at, now)
        {
            list.unlist(name);
        }
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
    fn one_rule_decides_which_entry_serves() {
        let expiring = r#"{"expires_at":"1970-01-01T00:01:00Z"}"#;
        let [mut locked, mut snapshot] = [Snapshot::default(), Snapshot::default()];
        let (list, secret) = (entry(5, "{}"), entry(5, expiring));
        let mut entries = update([("secrets", list), ("secrets/A", secret)]);
        locked.apply(entries.clone(), time(5));
        entries.insert(ORG_KEY.to_owned(), entry(5, "{}"));
        snapshot.apply(entries, time(5));
        let limit = |seconds| Some(SignedDuration::from_secs(seconds));
        let find = |snapshot: &Snapshot, resource, max_age, now| {
            snapshot.find(resource, max_age, time(now)).err()
        };
        let no_key = find(&locked, "secrets/A", None, 6);
        assert_eq!(no_key, Some(Miss::NoOrgKey));
        let too_old = Some(Miss::TooOld(SignedDuration::from_secs(10)));
        for (resource, max_age, now, miss) in [
            ("secrets/A", None, 6, None),
            ("secrets/A", limit(10), 15, None),
            ("secrets/A", limit(9), 15, too_old),
            ("secrets", limit(9), 15, too_old),
            ("secrets/A", limit(9), 4, Some(Miss::Future(time(5)))),
            ("secrets/A", None, 4, None),
            ("secrets/A", None, 60, Some(Miss::Expired)),
            ("secrets/B", None, 6, Some(Miss::Absent)),
            // Keys have no age.
            (ORG_KEY, limit(9), 15, None),
            (ORG_KEY, limit(9), 4, None),
        ] {
            assert_eq!(
                find(&snapshot, resource, max_age, now),
                miss,
                "{resource} at {now}"
            );
        }
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
