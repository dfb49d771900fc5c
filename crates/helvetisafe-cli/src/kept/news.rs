//! What a run brings, before it is kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use helvetisafe::Timestamp;

use super::answers::{Kept, ORG_KEY, TICKET, is_secret};

/// What a run brought, by what it asked for.
pub(crate) type News = BTreeMap<String, Brought>;

#[derive(Clone, Debug)]
pub(crate) enum Brought {
    Answer(Kept),
    /// There is none any more; and when it was asked for.
    Gone(Timestamp),
}

impl Brought {
    /// When it was asked for.
    pub(super) fn at(&self) -> Timestamp {
        match self {
            Self::Answer(kept) => kept.at,
            Self::Gone(at) => *at,
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Gone(_))
    }
}

/// Nothing but what the next client begins with.
pub(super) fn only_ticket(ticket: String) -> News {
    let kept = Kept::of_ticket(Timestamp::now(), ticket);
    News::from([(TICKET.to_owned(), Brought::Answer(kept))])
}

/// What a run brought so far, from all its threads.
#[derive(Clone, Default)]
pub(crate) struct Recorded(Arc<Mutex<News>>);

impl Recorded {
    pub(crate) fn note(&self, resource: &str, brought: Brought) {
        let mut news = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        news.insert(resource.to_owned(), brought);
    }

    /// Notes what the next client begins with.
    pub(crate) fn note_ticket(&self, ticket: String) {
        let mut news = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        news.extend(only_ticket(ticket));
    }

    /// All of it; or, after a failure, only what is gone, and the ticket, which is as good as ever.
    pub(crate) fn take(&self, has_succeeded: bool) -> News {
        let mut news = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut news = std::mem::take(&mut *news);
        let org_key_at = news.get(ORG_KEY).map(Brought::at);
        news.retain(|resource, brought| {
            // A client begins with the org key. Where it asked once more, since that was rotated,
            // what came before may be sealed under the old one.
            let is_older = is_secret(resource) && org_key_at.is_some_and(|at| brought.at() < at);
            brought.is_gone() || resource == TICKET || (has_succeeded && !is_older)
        });
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(items: &[(&str, i64)]) -> Recorded {
        let recorded = Recorded::default();
        for (resource, at) in items {
            let at = Timestamp::from_second(*at).unwrap();
            let kept = Kept::new(at, b"{}").unwrap();
            recorded.note(resource, Brought::Answer(kept));
        }
        recorded.note("secrets/GONE", Brought::Gone(Timestamp::UNIX_EPOCH));
        recorded
    }

    fn names(news: &News) -> Vec<&str> {
        news.keys().map(String::as_str).collect()
    }

    #[test]
    fn what_came_before_a_rotated_org_key_is_left_out() {
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
        assert_eq!(names(&recorded(&answers).take(true)), all);

        let rotated = [&answers[..], &[(ORG_KEY, 4), ("secrets/B", 5)]].concat();
        let mut rest = all;
        rest[3] = "secrets/B";
        rest.sort_unstable();
        assert_eq!(names(&recorded(&rotated).take(true)), rest);
    }

    #[test]
    fn a_failure_leaves_what_is_gone_and_the_ticket() {
        let recorded = recorded(&[(ORG_KEY, 1), ("secrets", 1), ("secrets/A", 1)]);
        recorded.note_ticket("t".to_owned());
        assert_eq!(names(&recorded.take(false)), ["secrets/GONE", TICKET]);
    }
}
