//! The answers of a vault, by what was asked for.

use std::collections::BTreeMap;

use helvetisafe::Timestamp;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::news::{Brought, News};

/// What comes before it in a path, after the path of the base URL.
const PREFIX: &str = "/api/v1/";
/// The list of all names; a secret is this, a slash and its key.
pub(crate) const LIST: &str = "secrets";
pub(super) const ORG_KEY: &str = "credentials/org-key";
const PRIVATE_KEY: &str = "credentials/private-key";
/// What the next client begins with, in place of an answer. No path asks for it.
pub(super) const TICKET: &str = "ticket";

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
    pub(super) at: Timestamp,
    answer: Value,
}

impl Kept {
    /// Of a whole answer; `None` where it is no JSON, which the client refuses too.
    pub(crate) fn new(at: Timestamp, body: &[u8]) -> Option<Self> {
        let mut answer = serde_json::from_slice(body).ok()?;
        strip(&mut answer);
        Some(Self { at, answer })
    }

    /// Whether it was asked for after `at`. What comes from the future was not: the clock was set
    /// back.
    fn is_newer(&self, at: Timestamp, now: Timestamp) -> bool {
        self.at > at && self.at <= now
    }

    pub(super) fn of_ticket(at: Timestamp, ticket: String) -> Self {
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

    /// Takes in what a run brought, where nothing newer is kept, and drops what has expired. Runs
    /// may end in another order than that in which they asked.
    pub(crate) fn add(&mut self, mut news: News, now: Timestamp) {
        match self.rotation(&news, now) {
            // What is sealed under the old one does not open any more.
            Rotation::Now => self.0.clear(),
            Rotation::Before => news.retain(|_, brought| brought.is_gone()),
            Rotation::None => {}
        }
        for (resource, brought) in news {
            let at = brought.at();
            if self.get(&resource).is_some_and(|old| old.is_newer(at, now)) {
                continue;
            }
            match brought {
                Brought::Answer(new) => self.0.insert(resource, new),
                Brought::Gone(_) => self.0.remove(&resource),
            };
        }
        self.0.retain(|_, kept| !kept.is_expired(now));
    }

    /// Whether the org key of a run is another one than what is kept, and which of them is the old
    /// one.
    fn rotation(&self, news: &News, now: Timestamp) -> Rotation {
        let Some(Brought::Answer(new)) = news.get(ORG_KEY) else {
            return Rotation::None;
        };
        match self.get(ORG_KEY) {
            Some(old) if old.answer == new.answer => Rotation::None,
            Some(old) if old.is_newer(new.at, now) => Rotation::Before,
            _ => Rotation::Now,
        }
    }
}

/// When the org key was rotated, if it was.
enum Rotation {
    None,
    /// After what is kept was asked for.
    Now,
    /// Before that: the run has the org key from before.
    Before,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn kept(at: i64, body: &str) -> Brought {
        Brought::Answer(Kept::new(time(at), body.as_bytes()).unwrap())
    }

    fn body(brought: &Brought) -> Vec<u8> {
        match brought {
            Brought::Answer(kept) => kept.body(time(5)),
            Brought::Gone(_) => Vec::new(),
        }
    }

    fn ticket(at: i64, text: &str) -> Brought {
        Brought::Answer(Kept::of_ticket(time(at), text.to_owned()))
    }

    fn gone(at: i64) -> Brought {
        Brought::Gone(time(at))
    }

    fn news<const N: usize>(items: [(&str, Brought); N]) -> News {
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
        );
        assert_eq!(body(&kept), br#"{"key":"K","keys":[{"key":"L"}]}"#);
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
        answers.add(
            news([("secrets/A", older), ("secrets/B", gone(5))]),
            time(60),
        );
        assert_eq!(answers.get("secrets/A").unwrap().at, time(5));
        assert!(answers.get("secrets/B").is_none());
        assert!(answers.get("secrets/C").is_none());
    }

    #[test]
    fn what_comes_from_the_future_gives_way() {
        let mut answers = Answers::default();
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
                (TICKET, ticket(1, "t")),
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

    /// What is kept after a run that asked at 5, before the org key was rotated at 7, and ended at
    /// 12.
    fn after_a_run_from_before_a_rotation(kept_at: i64) -> Answers {
        let mut answers = Answers::default();
        answers.add(
            news([
                (ORG_KEY, kept(kept_at, r#"{"encrypted_org_key":"new"}"#)),
                ("secrets/A", kept(kept_at, r#"{"value":"new"}"#)),
                ("secrets/B", kept(kept_at, "{}")),
                ("secrets/C", kept(4, "{}")),
                (TICKET, ticket(kept_at, "new")),
            ]),
            time(kept_at),
        );
        answers.add(
            news([
                (ORG_KEY, kept(5, r#"{"encrypted_org_key":"old"}"#)),
                ("secrets/A", kept(5, r#"{"value":"old"}"#)),
                ("secrets/B", gone(5)),
                ("secrets/C", gone(5)),
                ("secrets/D", kept(5, "{}")),
                (TICKET, ticket(12, "old")),
            ]),
            time(12),
        );
        answers
    }

    #[test]
    fn an_older_org_key_brings_nothing_but_what_is_gone() {
        let answers = after_a_run_from_before_a_rotation(10);
        for resource in [ORG_KEY, "secrets/A", "secrets/B"] {
            assert_eq!(answers.get(resource).unwrap().at, time(10), "{resource}");
        }
        assert_eq!(answers.ticket(), Some("new"));
        assert!(answers.get("secrets/C").is_none(), "gone since");
        assert!(answers.get("secrets/D").is_none(), "it does not open");
    }

    #[test]
    fn an_org_key_from_the_future_gives_way() {
        let answers = after_a_run_from_before_a_rotation(100);
        assert_eq!(answers.get(ORG_KEY).unwrap().at, time(5));
        assert_eq!(answers.get("secrets/A").unwrap().at, time(5));
        assert_eq!(answers.ticket(), Some("old"));
    }

    #[test]
    fn what_was_made_anew_is_not_gone() {
        let mut answers = Answers::default();
        answers.add(news([("secrets/A", kept(5, "{}"))]), time(5));
        answers.add(news([("secrets/A", gone(4))]), time(6));
        assert!(answers.get("secrets/A").is_some());
        answers.add(news([("secrets/A", gone(5))]), time(6));
        assert!(answers.get("secrets/A").is_none());
    }

    #[test]
    fn a_list_leaves_out_what_has_expired() {
        let list = kept(
            0,
            r#"{"keys":[{"expires_at":"1970-01-01T00:00:05Z","key":"A"},{"key":"B"}]}"#,
        );
        assert_eq!(body(&list), br#"{"keys":[{"key":"B"}]}"#);
    }
}
