//! A client that performs random operations and notes what it saw.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use helvetisafe_server::ExposeSecret;

use super::calls::{Answer, Call, Caller, decode, encode, name, path, status};
use super::history::{Effect, History, Needs, Operation, Register, Token, Value};
use super::world::{ACCOUNTS, KEYS, World};

pub(crate) struct Client<'a> {
    world: &'a World,
    caller: Caller,
    random: u64,
    /// The last version and value of each secret that this client has read.
    read: BTreeMap<usize, (String, Value)>,
    pub(crate) history: History,
}

impl<'a> Client<'a> {
    pub(crate) fn new(world: &'a World, seed: u64) -> Self {
        Self {
            world,
            caller: Caller::new(&world.url),
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            read: BTreeMap::new(),
            history: History::default(),
        }
    }

    /// Performs operations until none is left.
    pub(crate) fn run(&mut self) {
        while self.world.take_one() {
            sleep(self.world.pause);
            let key = self.below(KEYS as u64) as usize;
            let account = self.below(ACCOUNTS as u64) as usize;
            match self.below(100) {
                0..35 => self.read(key),
                35..54 => self.write(key),
                54..67 => self.swap(key),
                67..78 => self.delete(key),
                78..88 => self.list(),
                88..98 => self.use_token(account, key),
                _ => self.revoke(account),
            }
        }
    }

    /// Reads every secret once.
    pub(crate) fn read_all(&mut self) {
        (0..KEYS).for_each(|key| self.read(key));
    }

    fn read(&mut self, key: usize) {
        let begun = self.world.now();
        let answer = self.call("GET", &path(key));
        let needs = match status(&answer) {
            Some(200) => {
                let body = answer.unwrap().into_body();
                let value = decode(&body);
                let version = body["version"].as_str().unwrap();
                self.history.add_version(version, value);
                self.read.insert(key, (version.to_owned(), value));
                Needs::Exactly(value)
            }
            Some(404) => Needs::Absent,
            other => return assert_failed(other),
        };
        self.note(Register::Secret(key), begun, needs, Effect::Nothing);
    }

    fn write(&mut self, key: usize) {
        let (value, begun) = (self.world.new_value(), self.world.now());
        let answer = self.call_with("POST", &path(key), value, None);
        let (register, effect) = (Register::Secret(key), Effect::Set(value));
        match status(&answer) {
            Some(200 | 201) => {
                self.note(register, begun, Needs::Anything, effect);
                self.note_version(answer, value);
            }
            other => self.note_unanswered(register, begun, Needs::Anything, effect, other),
        }
    }

    /// Updates a secret if it still is as this client has read it.
    fn swap(&mut self, key: usize) {
        let Some((version, before)) = self.read.get(&key).cloned() else {
            return self.read(key);
        };
        let (value, begun) = (self.world.new_value(), self.world.now());
        let answer = self.call_with("PUT", &path(key), value, Some(&version));
        let (needs, effect) = (Needs::Exactly(before), Effect::Set(value));
        let register = Register::Secret(key);
        match status(&answer) {
            Some(200) => {
                self.note(register, begun, needs, effect);
                self.note_version(answer, value);
            }
            Some(412) => self.note(register, begun, Needs::OtherThan(before), Effect::Nothing),
            Some(404) => self.note(register, begun, Needs::Absent, Effect::Nothing),
            other => self.note_unanswered(register, begun, needs, effect, other),
        }
    }

    fn delete(&mut self, key: usize) {
        let begun = self.world.now();
        let answer = self.call("DELETE", &path(key));
        let register = Register::Secret(key);
        match status(&answer) {
            Some(204) => self.note(register, begun, Needs::Present, Effect::Clear),
            Some(404) => self.note(register, begun, Needs::Absent, Effect::Nothing),
            other => self.note_unanswered(register, begun, Needs::Anything, Effect::Clear, other),
        }
    }

    fn list(&mut self) {
        let begun = self.world.now();
        let answer = self.call("GET", "/api/v1/secrets");
        let Some(200) = status(&answer) else {
            return assert_failed(status(&answer));
        };
        let ended = self.world.now();
        let body = answer.unwrap().into_body();
        let rows = body["keys"].as_array().unwrap();
        let version = |key| {
            let row = rows.iter().find(|row| row["key"] == name(key))?;
            Some(row["version"].as_str().unwrap().to_owned())
        };
        let versions = (0..KEYS).map(version).collect();
        self.history.add_list(begun, ended, versions);
    }

    /// Reads a secret with the last access token of an account, or requests one.
    fn use_token(&mut self, account: usize, key: usize) {
        let Some((number, text)) = self.world.accounts[account].token() else {
            return self.log_in(account);
        };
        let begun = self.world.now();
        let path = path(key);
        let answer = self.caller.send(Call {
            method: "GET",
            path: &path,
            token: &text,
            ..Call::default()
        });
        let needs = match status(&answer) {
            Some(200 | 404) => Needs::Present,
            Some(401) => {
                self.world.accounts[account].forget(number);
                Needs::Absent
            }
            other => return assert_failed(other),
        };
        let token = Register::Token(Token { account, number });
        self.note(token, begun, needs, Effect::Nothing);
    }

    /// Requests an access token, which other clients use, too. A token whose answer is lost is never used.
    fn log_in(&mut self, account: usize) {
        let number = self.world.new_value();
        let (begun, owner) = (self.world.now(), &self.world.accounts[account]);
        let secret = owner.account.client_secret.expose_secret();
        let answer = self.caller.log_in(&owner.account.client_id, secret);
        let Some(200) = status(&answer) else {
            return assert_failed(status(&answer));
        };
        let token = Register::Token(Token { account, number });
        self.note(token, begun, Needs::Anything, Effect::Set(number));
        let body = answer.unwrap().into_body();
        owner.set(number, body["access_token"].as_str().unwrap());
    }

    /// Revokes all access tokens of an account, at a separate node.
    fn revoke(&mut self, account: usize) {
        let begun = self.world.now();
        let revoked = self.world.revoke(account);
        let ended = revoked.then(|| self.world.now());
        self.history.add_revocation(account, begun, ended);
    }

    fn call(&self, method: &str, path: &str) -> Answer {
        self.caller.send(Call {
            method,
            path,
            token: &self.world.token,
            ..Call::default()
        })
    }

    fn call_with(&self, method: &str, path: &str, value: Value, version: Option<&str>) -> Answer {
        self.caller.send(Call {
            method,
            path,
            token: &self.world.token,
            body: Some(encode(value)),
            version,
        })
    }

    fn note(&mut self, register: Register, begun: u64, needs: Needs, effect: Effect) {
        let operation = Operation {
            begun,
            ended: Some(self.world.now()),
            needs,
            effect,
        };
        self.history.add(register, operation);
    }

    fn note_version(&mut self, answer: Answer, value: Value) {
        let body = answer.unwrap().into_body();
        let version = body["version"].as_str().unwrap();
        self.history.add_version(version, value);
    }

    fn note_unanswered(
        &mut self,
        register: Register,
        begun: u64,
        needs: Needs,
        effect: Effect,
        status: Option<u16>,
    ) {
        assert_failed(status);
        let operation = Operation {
            begun,
            ended: None,
            needs,
            effect,
        };
        self.history.add(register, operation);
    }

    /// Returns a random number: xorshift64.
    fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % end
    }
}

/// Only a failure of a node may take the place of an answer. The client does not hurry to the next one.
fn assert_failed(status: Option<u16>) {
    assert!(status.is_none_or(|status| status >= 500), "{status:?}");
    sleep(Duration::from_millis(10));
}
