//! The changes to the cache during a run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use helvetisafe::Timestamp;

use super::entry::CacheEntry;
use super::resource::{ORG_KEY, TICKET, is_secret};

/// The changes by their resources.
pub(crate) type Update = BTreeMap<String, Change>;

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Entry(CacheEntry),
    /// The secret did not exist at this time.
    Gone(Timestamp),
    /// The secret had another value at this time.
    Replaced(Timestamp),
}

impl Change {
    /// Returns the time for which it holds.
    pub(super) fn at(&self) -> Timestamp {
        match self {
            Self::Entry(entry) => entry.at,
            Self::Gone(at) | Self::Replaced(at) => *at,
        }
    }

    /// Returns true if only the entry of the secret is removed.
    pub(super) fn is_removal(&self) -> bool {
        matches!(self, Self::Gone(_) | Self::Replaced(_))
    }
}

/// Returns an update of the resumption ticket alone.
pub(crate) fn ticket_update(ticket: String) -> Update {
    let entry = CacheEntry::of_ticket(Timestamp::now(), ticket);
    Update::from([(TICKET.to_owned(), Change::Entry(entry))])
}

/// Collects changes from all threads.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Update>>);

impl Recorder {
    pub(super) fn record(&self, resource: &str, change: Change) {
        self.lock().insert(resource.to_owned(), change);
    }

    pub(crate) fn record_ticket(&self, ticket: String) {
        self.lock().extend(ticket_update(ticket));
    }

    /// Returns true if the vault has sent this resource since the last [`Self::take`].
    pub(crate) fn has(&self, resource: &str) -> bool {
        self.lock().contains_key(resource)
    }

    /// Takes all changes. After a failed run these are only the removals and the ticket.
    pub(crate) fn take(&self, has_succeeded: bool) -> Update {
        let mut update = std::mem::take(&mut *self.lock());
        let org_key_at = update.get(ORG_KEY).map(Change::at);
        update.retain(|resource, change| {
            // A client requests the org key first, and again after a rotation: older secrets may be
            // sealed under the old one.
            let is_older = is_secret(resource) && org_key_at.is_some_and(|at| change.at() < at);
            change.is_removal() || resource == TICKET || (has_succeeded && !is_older)
        });
        update
    }

    fn lock(&self) -> MutexGuard<'_, Update> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorder(items: &[(&str, i64)]) -> Recorder {
        let recorder = Recorder::default();
        for (resource, at) in items {
            let at = Timestamp::from_second(*at).unwrap();
            let entry = CacheEntry::new(at, b"{}").unwrap();
            recorder.record(resource, Change::Entry(entry));
        }
        recorder.record("secrets/GONE", Change::Gone(Timestamp::UNIX_EPOCH));
        recorder
    }

    fn names(update: &Update) -> Vec<&str> {
        update.keys().map(String::as_str).collect()
    }

    #[test]
    fn secrets_from_before_a_rotation_are_left_out() {
        let answers = [
            ("credentials/private-key", 1),
            (ORG_KEY, 2),
            ("secrets", 3),
            ("secrets/A", 3),
        ];
        let all = [
            ORG_KEY,
            "credentials/private-key",
            "secrets",
            "secrets/A",
            "secrets/GONE",
        ];
        assert_eq!(names(&recorder(&answers).take(true)), all);

        let rotated = [&answers[..], &[(ORG_KEY, 4), ("secrets/B", 5)]].concat();
        let mut rest = all;
        rest[3] = "secrets/B";
        rest.sort_unstable();
        assert_eq!(names(&recorder(&rotated).take(true)), rest);
    }

    #[test]
    fn a_failed_run_keeps_removals_and_the_ticket() {
        let recorder = recorder(&[(ORG_KEY, 1), ("secrets", 1), ("secrets/A", 1)]);
        recorder.record_ticket("t".to_owned());
        assert_eq!(names(&recorder.take(false)), ["secrets/GONE", TICKET]);
    }
}
