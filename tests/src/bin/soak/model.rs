//! The operations of one thread, and its knowledge about its secrets.

use std::collections::BTreeMap;

use helvetisafe::{Client, Error, ErrorKind, Expiry};

use crate::tally::{Deed, Tally};

/// Secrets of one thread.
const KEYS: u64 = 20;

/// The possible values of a secret: one unless the outcome of a write is unknown. `None`: it is missing.
type Possible = Vec<Option<String>>;

pub(crate) struct Worker {
    number: usize,
    client: Client,
    random: u64,
    writes: u64,
    known: BTreeMap<String, Possible>,
}

impl Worker {
    pub(crate) fn new(number: usize, client: Client) -> Self {
        Self {
            number,
            client,
            random: number as u64 + 1,
            writes: 0,
            known: BTreeMap::new(),
        }
    }

    /// Runs one random operation, and checks its result.
    pub(crate) fn step(&mut self, tally: &Tally) {
        let chosen = self.below(KEYS);
        let key = format!("thread_{}_{chosen}", self.number);
        match self.below(10) {
            0 => self.create(&key, tally),
            1 => self.update(&key, tally),
            2 => self.delete(&key, tally),
            3 => self.put(&key, tally),
            _ => self.read(&key, tally),
        }
    }

    /// Reads all of its secrets: no write is lost.
    pub(crate) fn check_all(&mut self, tally: &Tally) {
        for key in self.known.keys().cloned().collect::<Vec<_>>() {
            self.read(&key, tally);
        }
    }

    fn create(&mut self, key: &str, tally: &Tally) {
        let value = self.new_value();
        let outcome = self.client.secrets().create(key, &value, None);
        match &outcome {
            Ok(_) => self.expect(key, tally, Deed::Create, Option::is_none),
            Err(error) if error.kind() == ErrorKind::Conflict => {
                self.expect(key, tally, Deed::Create, Option::is_some);
                return;
            }
            Err(_) => {}
        }
        self.note(key, Deed::Create, Some(value), outcome.map(drop), tally);
    }

    fn update(&mut self, key: &str, tally: &Tally) {
        let value = self.new_value();
        let outcome = self.client.secrets().update(key, &value, Expiry::Keep);
        if self.is_absent(key, &outcome, Deed::Update, tally) {
            return;
        }
        self.note(key, Deed::Update, Some(value), outcome.map(drop), tally);
    }

    fn put(&mut self, key: &str, tally: &Tally) {
        let value = self.new_value();
        let outcome = self.client.secrets().put(key, &value, None);
        self.note(key, Deed::Put, Some(value), outcome.map(drop), tally);
    }

    fn delete(&mut self, key: &str, tally: &Tally) {
        let outcome = self.client.secrets().delete(key);
        if self.is_absent(key, &outcome, Deed::Delete, tally) {
            return;
        }
        self.note(key, Deed::Delete, None, outcome, tally);
    }

    fn read(&mut self, key: &str, tally: &Tally) {
        let found = match self.client.secrets().get(key) {
            Ok(secret) => Some(secret.expose_secret().to_owned()),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return tally.failed(Deed::Read, &error),
        };
        let possible = self.possible(key);
        if possible.contains(&found) {
            tally.succeeded(Deed::Read);
        } else {
            tally.wrong(format!("{key} holds {found:?}, not one of {possible:?}"));
        }
        // Now the value is known.
        *possible = vec![found];
    }

    /// Returns true if the secret is missing, which then has to be possible.
    fn is_absent<T>(
        &mut self,
        key: &str,
        outcome: &Result<T, Error>,
        deed: Deed,
        tally: &Tally,
    ) -> bool {
        let absent = matches!(outcome, Err(error) if error.kind() == ErrorKind::NotFound);
        if absent {
            self.expect(key, tally, deed, Option::is_none);
        }
        absent
    }

    /// The vault returned a value. It has to be possible, and is known now.
    fn expect(&mut self, key: &str, tally: &Tally, deed: Deed, is_so: fn(&Option<String>) -> bool) {
        let possible = self.possible(key);
        let before = possible.clone();
        possible.retain(is_so);
        if possible.is_empty() {
            *possible = before;
            tally.wrong(format!(
                "{deed:?} of {key}: the vault contradicts {possible:?}"
            ));
        } else {
            tally.succeeded(deed);
        }
    }

    /// Notes the possible values after a write.
    fn note(
        &mut self,
        key: &str,
        deed: Deed,
        value: Option<String>,
        outcome: Result<(), Error>,
        tally: &Tally,
    ) {
        let possible = self.possible(key);
        match outcome {
            Ok(()) => {
                *possible = vec![value];
                if deed != Deed::Create {
                    tally.succeeded(deed);
                }
            }
            Err(error) => {
                if may_have_happened(&error) {
                    possible.push(value);
                }
                tally.failed(deed, &error);
            }
        }
    }

    fn possible(&mut self, key: &str) -> &mut Possible {
        self.known
            .entry(key.to_owned())
            .or_insert_with(|| vec![None])
    }

    fn new_value(&mut self) -> String {
        self.writes += 1;
        format!("value {} of thread {}", self.writes, self.number)
    }

    /// A linear congruential generator, Knuth's constants.
    fn below(&mut self, bound: u64) -> u64 {
        let (factor, summand) = (6_364_136_223_846_793_005, 1_442_695_040_888_963_407);
        self.random = self.random.wrapping_mul(factor).wrapping_add(summand);
        (self.random >> 33) % bound
    }
}

/// Any other error means that nothing was changed, as the client promises.
fn may_have_happened(error: &Error) -> bool {
    // A 503 or another passing status says that the vault did not act, but the client cannot know.
    error.kind() == ErrorKind::Ambiguous || error.status().is_some_and(|s| s.is_server_error())
}
