//! The answers of a vault, by what was asked for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use helvetisafe::Timestamp;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What comes before it in a path, after the path of the base URL.
const PREFIX: &str = "/api/v1/";
/// The list of all names; a secret is this, a slash and its key.
pub(crate) const LIST: &str = "secrets";
const ORG_KEY: &str = "credentials/org-key";
const PRIVATE_KEY: &str = "credentials/private-key";
/// What the next client begins with, in place of an answer. No path asks for it.
const TICKET: &str = "ticket";

/// The members of the answers that a client reads. Whatever else a vault says is not kept: it could
/// repeat a credential.
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

/// What a path asks for, where the answer is one to keep: `secrets/KEY`, for example.
pub(crate) fn resource_of(path: &str) -> Option<&str> {
    let (_, resource) = path.rsplit_once(PREFIX)?;
    (is_secret(resource) || [LIST, ORG_KEY, PRIVATE_KEY].contains(&resource)).then_some(resource)
}

/// Whether it is `secrets/KEY`.
pub(crate) fn is_secret(resource: &str) -> bool {
    let rest = resource.strip_prefix(LIST);
    rest.and_then(|rest| rest.strip_prefix('/'))
        .is_some_and(|key| !key.contains('/') && !key.is_empty())
}

/// One answer, and when it was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    at: Timestamp,
    answer: Value,
}

impl Kept {
    /// Of a whole answer; `None` where it is no JSON, which the client refuses too.
    pub(crate) fn new(at: Timestamp, body: &[u8]) -> Option<Self> {
        let mut answer = serde_json::from_slice(body).ok()?;
        strip(&mut answer);
        Some(Self { at, answer })
    }

    fn of_ticket(at: Timestamp, ticket: String) -> Self {
        Self {
            at,
            answer: Value::String(ticket),
        }
    }

    pub(crate) fn age(&self, now: Timestamp) -> SignedDuration {
        now.duration_since(self.at)
    }

    /// Whether it is a secret that would be gone by now.
    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        is_expired(&self.answer, now)
    }

    /// The body to answer with: a list without what has expired since.
    pub(crate) fn body(&self, now: Timestamp) -> Vec<u8> {
        let mut answer = self.answer.clone();
        if let Some(Value::Array(keys)) = answer.get_mut("keys") {
            keys.retain(|listed| !is_expired(listed, now));
        }
        answer.to_string().into_bytes()
    }
}

fn is_expired(record: &Value, now: Timestamp) -> bool {
    let expires_at = record.get("expires_at").and_then(Value::as_str);
    // What is no time stays, for the client to refuse.
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

/// All that is kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Answers(BTreeMap<String, Kept>);

impl Answers {
    pub(crate) fn get(&self, resource: &str) -> Option<&Kept> {
        self.0.get(resource)
    }

    pub(crate) fn has_org_key(&self) -> bool {
        self.0.contains_key(ORG_KEY)
    }

    /// What the next client begins with.
    pub(crate) fn ticket(&self) -> Option<&str> {
        self.get(TICKET)?.answer.as_str()
    }

    /// Takes in what a run brought, where it is newer, and drops what has expired. What comes from
    /// the future is not newer: the clock was set back.
    pub(crate) fn add(&mut self, news: News, now: Timestamp) {
        let org_key = |kept: Option<&Kept>| kept.map(|kept| kept.answer.clone());
        let new_org_key = org_key(news.get(ORG_KEY).and_then(Option::as_ref));
        if new_org_key.is_some() && new_org_key != org_key(self.get(ORG_KEY)) {
            // It was rotated: what is sealed under the old one does not open any more.
            self.0.clear();
        }
        for (resource, answer) in news {
            match answer {
                None => {
                    self.0.remove(&resource);
                }
                Some(new) => {
                    let is_newer = |old: &Kept| old.at > new.at && old.at <= now;
                    if !self.get(&resource).is_some_and(is_newer) {
                        self.0.insert(resource, new);
                    }
                }
            }
        }
        self.0.retain(|_, kept| !kept.is_expired(now));
    }
}

/// What a run brought: an answer, or that there is none any more.
pub(crate) type News = BTreeMap<String, Option<Kept>>;

/// Nothing but what the next client begins with.
pub(super) fn only_ticket(ticket: String) -> News {
    let kept = Kept::of_ticket(Timestamp::now(), ticket);
    News::from([(TICKET.to_owned(), Some(kept))])
}

/// What a run brought so far, from all its threads.
#[derive(Clone, Default)]
pub(crate) struct Recorded(Arc<Mutex<News>>);

impl Recorded {
    pub(crate) fn note(&self, resource: &str, answer: Option<Kept>) {
        let mut news = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        news.insert(resource.to_owned(), answer);
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
        news.retain(|resource, answer| has_succeeded || answer.is_none() || resource == TICKET);
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn kept(at: i64, body: &str) -> Option<Kept> {
        Some(Kept::new(time(at), body.as_bytes()).unwrap())
    }

    fn news<const N: usize>(items: [(&str, Option<Kept>); N]) -> News {
        items
            .map(|(resource, answer)| (resource.to_owned(), answer))
            .into()
    }

    #[test]
    fn only_what_is_read_is_kept() {
        for (path, resource) in [
            ("/api/v1/secrets", Some("secrets")),
            ("/base/api/v1/secrets/KEY", Some("secrets/KEY")),
            (
                "/api/v1/credentials/private-key",
                Some("credentials/private-key"),
            ),
            ("/api/v1/secrets/", None),
            ("/api/v1/secrets/a/b", None),
            ("/api/v1/credentials/other", None),
            ("/api/v1/ticket", None),
            ("/oauth/token", None),
        ] {
            assert_eq!(resource_of(path), resource, "{path}");
        }
        let kept = kept(
            0,
            r#"{"key":"K","token":"x","keys":[{"key":"L","echo":"y"}]}"#,
        )
        .unwrap();
        assert_eq!(kept.body(time(0)), br#"{"key":"K","keys":[{"key":"L"}]}"#);
    }

    #[test]
    fn the_newer_answer_stays_and_what_is_gone_or_expired_goes() {
        let mut answers = Answers::default();
        let expiring = r#"{"expires_at":"1970-01-01T00:01:00Z"}"#;
        answers.add(
            news([
                ("secrets/A", kept(5, r#"{"key":"A"}"#)),
                ("secrets/B", kept(5, "{}")),
                ("secrets/C", kept(5, expiring)),
            ]),
            time(10),
        );
        assert!(answers.get("secrets/C").is_some());
        let older = kept(4, "{}");
        answers.add(news([("secrets/A", older), ("secrets/B", None)]), time(60));
        assert_eq!(answers.get("secrets/A").unwrap().at, time(5));
        assert!(answers.get("secrets/B").is_none());
        assert!(answers.get("secrets/C").is_none());
    }

    #[test]
    fn what_comes_from_the_future_gives_way() {
        let mut answers = Answers::default();
        let ticket = |at, text: &str| Some(Kept::of_ticket(time(at), text.to_owned()));
        answers.add(
            news([("secrets/A", kept(100, "{}")), (TICKET, ticket(100, "old"))]),
            time(100),
        );
        answers.add(
            news([("secrets/A", kept(10, "{}")), (TICKET, ticket(10, "new"))]),
            time(11),
        );
        assert_eq!(answers.get("secrets/A").unwrap().at, time(10));
        assert_eq!(answers.ticket(), Some("new"));
    }

    #[test]
    fn another_org_key_drops_what_the_old_one_opened() {
        let mut answers = Answers::default();
        let first = || kept(1, r#"{"encrypted_org_key":"a"}"#);
        answers.add(
            news([
                (ORG_KEY, first()),
                ("secrets/A", kept(1, "{}")),
                (TICKET, Some(Kept::of_ticket(time(1), "t".to_owned()))),
            ]),
            time(1),
        );
        answers.add(news([(ORG_KEY, first())]), time(1));
        assert!(answers.get("secrets/A").is_some());
        assert_eq!(answers.ticket(), Some("t"));
        let second = kept(2, r#"{"encrypted_org_key":"b"}"#);
        answers.add(news([(ORG_KEY, second)]), time(2));
        assert!(answers.get("secrets/A").is_none());
        assert_eq!(answers.ticket(), None);
    }

    #[test]
    fn a_list_leaves_out_what_has_expired() {
        let list = kept(
            0,
            r#"{"keys":[{"expires_at":"1970-01-01T00:00:05Z","key":"A"},{"key":"B"}]}"#,
        );
        assert_eq!(list.unwrap().body(time(5)), br#"{"keys":[{"key":"B"}]}"#);
    }
}
