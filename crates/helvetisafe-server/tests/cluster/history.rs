//! Operations on one secret as their clients saw them.

/// A written value. Each write has its own.
pub(crate) type Value = u64;

/// One operation.
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

/// The state of a secret that explains an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Any state: a write without a condition succeeds always.
    Anything,
    /// This value: it was read, or it was the condition of an update.
    Exactly(Value),
    /// Any other value: the condition of an update was not met.
    OtherThan(Value),
    /// Any value: the secret was listed, or deleted.
    Present,
    /// No secret: it was not found.
    Absent,
}

/// The change of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Nothing,
    Set(Value),
    Clear,
}

impl Needs {
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
