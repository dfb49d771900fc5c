//! A client that performs random operations and notes what it saw.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use ureq::Agent;
use ureq::http::{Request, Response};

use super::history::{Effect, Needs, Operation, Value};

/// The secrets that all clients contend for.
pub(crate) const KEYS: usize = 10;

/// The state that all clients share.
pub(crate) struct World {
    pub(crate) url: String,
    /// An API token with all scopes that is never revoked.
    pub(crate) token: String,
    pub(crate) begun: Instant,
    /// The last written value. Each write has its own.
    pub(crate) values: AtomicU64,
    /// The operations that are left.
    pub(crate) left: AtomicUsize,
}

/// The operations of one client, by the secret.
pub(crate) type History = BTreeMap<usize, Vec<Operation>>;

pub(crate) struct Client<'a> {
    world: &'a World,
    agent: Agent,
    random: u64,
    /// The last version and value of each secret that this client has read.
    read: BTreeMap<usize, (String, Value)>,
    pub(crate) history: History,
    pub(crate) unanswered: usize,
}

/// An answer, or none that shows if the operation happened.
type Answer = Option<Response<Json>>;

impl<'a> Client<'a> {
    pub(crate) fn new(world: &'a World, seed: u64) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(5)));
        Self {
            world,
            agent: config.build().into(),
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            read: BTreeMap::new(),
            history: History::new(),
            unanswered: 0,
        }
    }

    /// Performs operations until none is left.
    pub(crate) fn run(&mut self) {
        let take = |left: usize| left.checked_sub(1);
        while self
            .world
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
        {
            let key = self.below(KEYS as u64) as usize;
            match self.below(100) {
                0..40 => self.read(key),
                40..60 => self.write(key),
                60..75 => self.swap(key),
                75..88 => self.delete(key),
                _ => self.list(),
            }
        }
    }

    /// Reads every secret once.
    pub(crate) fn read_all(&mut self) {
        (0..KEYS).for_each(|key| self.read(key));
    }

    fn read(&mut self, key: usize) {
        let begun = self.now();
        let answer = self.call("GET", &path(key), None, None);
        let needs = match status(&answer) {
            Some(200) => {
                let body = answer.unwrap().into_body();
                let value = decode(&body);
                let version = body["version"].as_str().unwrap().to_owned();
                self.read.insert(key, (version, value));
                Needs::Exactly(value)
            }
            Some(404) => Needs::Absent,
            other => return assert_failed(other),
        };
        self.note(key, begun, needs, Effect::Nothing);
    }

    fn write(&mut self, key: usize) {
        let (value, begun) = (self.new_value(), self.now());
        let answer = self.call("POST", &path(key), Some(encode(value)), None);
        match status(&answer) {
            Some(200 | 201) => self.note(key, begun, Needs::Anything, Effect::Set(value)),
            other => self.note_unanswered(key, begun, Needs::Anything, Effect::Set(value), other),
        }
    }

    /// Updates a secret if it still is as this client has read it.
    fn swap(&mut self, key: usize) {
        let Some((version, before)) = self.read.get(&key).cloned() else {
            return self.read(key);
        };
        let (value, begun) = (self.new_value(), self.now());
        let answer = self.call("PUT", &path(key), Some(encode(value)), Some(&version));
        let (needs, effect) = (Needs::Exactly(before), Effect::Set(value));
        match status(&answer) {
            Some(200) => self.note(key, begun, needs, effect),
            Some(412) => self.note(key, begun, Needs::OtherThan(before), Effect::Nothing),
            Some(404) => self.note(key, begun, Needs::Absent, Effect::Nothing),
            other => self.note_unanswered(key, begun, needs, effect, other),
        }
    }

    fn delete(&mut self, key: usize) {
        let begun = self.now();
        let answer = self.call("DELETE", &path(key), None, None);
        match status(&answer) {
            Some(204) => self.note(key, begun, Needs::Present, Effect::Clear),
            Some(404) => self.note(key, begun, Needs::Absent, Effect::Nothing),
            other => self.note_unanswered(key, begun, Needs::Anything, Effect::Clear, other),
        }
    }

    /// Lists all secrets: an observation of each of them.
    fn list(&mut self) {
        let begun = self.now();
        let answer = self.call("GET", "/api/v1/secrets", None, None);
        let Some(200) = status(&answer) else {
            return assert_failed(status(&answer));
        };
        let body = answer.unwrap().into_body();
        let rows = body["keys"].as_array().unwrap();
        for key in 0..KEYS {
            let is_listed = rows.iter().any(|row| row["key"] == name(key));
            let needs = if is_listed {
                Needs::Present
            } else {
                Needs::Absent
            };
            self.note(key, begun, needs, Effect::Nothing);
        }
    }

    fn call(&self, method: &str, path: &str, body: Option<Json>, version: Option<&str>) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.world.url))
            .header("x-aegis-token", &self.world.token)
            .header("content-type", "application/json");
        if let Some(version) = version {
            request = request.header("if-match", format!("\"{version}\""));
        }
        let answer = match body {
            Some(body) => self.agent.run(request.body(body.to_string()).unwrap()),
            None => self.agent.run(request.body(()).unwrap()),
        };
        let (parts, mut body) = answer.ok()?.into_parts();
        let text = body.read_to_string().ok()?;
        let body = serde_json::from_str(&text).unwrap_or(Json::Null);
        Some(Response::from_parts(parts, body))
    }

    fn note(&mut self, key: usize, begun: u64, needs: Needs, effect: Effect) {
        let ended = Some(self.now());
        let operation = Operation {
            begun,
            ended,
            needs,
            effect,
        };
        self.history.entry(key).or_default().push(operation);
    }

    fn note_unanswered(
        &mut self,
        key: usize,
        begun: u64,
        needs: Needs,
        effect: Effect,
        status: Option<u16>,
    ) {
        assert_failed(status);
        self.unanswered += 1;
        let operation = Operation {
            begun,
            ended: None,
            needs,
            effect,
        };
        self.history.entry(key).or_default().push(operation);
    }

    fn now(&self) -> u64 {
        self.world.begun.elapsed().as_nanos() as u64
    }

    fn new_value(&self) -> Value {
        self.world.values.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Returns a random number: xorshift64.
    fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % end
    }
}

fn status(answer: &Answer) -> Option<u16> {
    answer.as_ref().map(|answer| answer.status().as_u16())
}

/// Only a failure of a node may take the place of an answer.
fn assert_failed(status: Option<u16>) {
    assert!(status.is_none_or(|status| status >= 500), "{status:?}");
}

fn name(key: usize) -> String {
    format!("key_{key}")
}

fn path(key: usize) -> String {
    format!("/api/v1/secrets/{}", name(key))
}

/// Returns a body with the value in the place of a ciphertext.
fn encode(value: Value) -> Json {
    let text = STANDARD.encode(format!("{value:020}"));
    json!({ "value": text, "nonce": STANDARD.encode([0; 12]) })
}

fn decode(body: &Json) -> Value {
    let bytes = STANDARD.decode(body["value"].as_str().unwrap()).unwrap();
    String::from_utf8(bytes).unwrap().parse().unwrap()
}
