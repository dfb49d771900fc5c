//! Operations as their clients saw them.

use std::collections::{BTreeMap, HashMap};

/// A written value. Each write has its own, and so has each token.
pub(crate) type Value = u64;

/// A part of the vault's state that the checker examines alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Register {
    /// A secret, by its number.
    Secret(usize),
    /// An access token. It is present from its issue until it is revoked.
    Token(Token),
}

/// An access token: the number of its account, and its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Token {
    pub(crate) account: usize,
    pub(crate) number: Value,
}

/// One operation on a register.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    /// The time at which the client sent it.
    pub(crate) begun: u64,
    /// The time at which the client had the answer; `None` if there was none, so that the operation may happen at any
    /// later time or never.
    pub(crate) ended: Option<u64>,
    /// The state that it needs.
    pub(crate) needs: Needs,
    /// The state that it leaves.
    pub(crate) effect: Effect,
}

/// The state of a register that explains an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Any state: a write without a condition succeeds always.
    Anything,
    /// This value: it was read, or it was the condition of an update.
    Exactly(Value),
    /// Any other value: the condition of an update was not met.
    OtherThan(Value),
    /// Any value: the secret was listed, or deleted, or the token was accepted.
    Present,
    /// No secret: it was not found. No token: it was refused.
    Absent,
}

/// The change of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Nothing,
    Set(Value),
    Clear,
}

impl Needs {
    /// Returns the value that it names.
    pub(crate) fn value(self) -> Option<Value> {
        match self {
            Self::Exactly(value) | Self::OtherThan(value) => Some(value),
            Self::Anything | Self::Present | Self::Absent => None,
        }
    }

    pub(crate) fn are_met_by(self, state: Option<Value>) -> bool {
        match self {
            Self::Anything => true,
            Self::Exactly(value) => state == Some(value),
            Self::OtherThan(value) => state.is_some_and(|state| state != value),
            Self::Present => state.is_some(),
            Self::Absent => state.is_none(),
        }
    }
}

impl Effect {
    pub(crate) fn on(self, state: Option<Value>) -> Option<Value> {
        match self {
            Self::Nothing => state,
            Self::Set(value) => Some(value),
            Self::Clear => None,
        }
    }
}

/// The operations of one client, or of several.
#[derive(Default)]
pub(crate) struct History {
    operations: BTreeMap<Register, Vec<Operation>>,
    /// The revocations of all access tokens of an account.
    revocations: Vec<(usize, Operation)>,
    lists: Vec<List>,
    /// The values of versions, from reads and answered writes.
    values: HashMap<String, Value>,
    /// The number of writes without an answer.
    pub(crate) unanswered: usize,
}

/// An answer with the versions of all secrets; `None` for one that was not listed.
struct List {
    begun: u64,
    ended: u64,
    versions: Vec<Option<String>>,
}

impl History {
    pub(crate) fn add(&mut self, register: Register, operation: Operation) {
        self.unanswered += usize::from(operation.ended.is_none());
        self.operations.entry(register).or_default().push(operation);
    }

    /// Adds a revocation of all access tokens of an account.
    pub(crate) fn add_revocation(&mut self, account: usize, begun: u64, ended: Option<u64>) {
        let operation = Operation {
            begun,
            ended,
            needs: Needs::Anything,
            effect: Effect::Clear,
        };
        self.revocations.push((account, operation));
    }

    /// Adds a list of all secrets with their versions.
    pub(crate) fn add_list(&mut self, begun: u64, ended: u64, versions: Vec<Option<String>>) {
        self.lists.push(List {
            begun,
            ended,
            versions,
        });
    }

    pub(crate) fn add_version(&mut self, version: &str, value: Value) {
        self.values.insert(version.to_owned(), value);
    }

    /// Returns the operations of all histories by register. A list is an observation of each secret, and a revocation
    /// clears each token of its account.
    pub(crate) fn join(histories: Vec<Self>) -> BTreeMap<Register, Vec<Operation>> {
        let mut all = Self::default();
        for history in histories {
            for (register, operations) in history.operations {
                all.operations
                    .entry(register)
                    .or_default()
                    .extend(operations);
            }
            all.revocations.extend(history.revocations);
            all.lists.extend(history.lists);
            all.values.extend(history.values);
        }
        for list in &all.lists {
            for (secret, version) in list.versions.iter().enumerate() {
                let operations = all.operations.entry(Register::Secret(secret)).or_default();
                operations.push(list.observation(version.as_deref(), &all.values));
            }
        }
        for (register, operations) in &mut all.operations {
            let Register::Token(token) = register else {
                continue;
            };
            let revocations = all.revocations.iter();
            let own = revocations.filter(|(account, _)| *account == token.account);
            operations.extend(own.map(|(_, operation)| operation));
        }
        all.operations
    }
}

impl List {
    /// Returns the observation of a secret with this version. The value of a version is unknown if its write was not
    /// answered and it was never read.
    fn observation(&self, version: Option<&str>, values: &HashMap<String, Value>) -> Operation {
        let value = version.map(|version| values.get(version).copied());
        Operation {
            begun: self.begun,
            ended: Some(self.ended),
            needs: match value {
                Some(Some(value)) => Needs::Exactly(value),
                Some(None) => Needs::Present,
                None => Needs::Absent,
            },
            effect: Effect::Nothing,
        }
    }
}
