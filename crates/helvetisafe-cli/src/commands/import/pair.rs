//! The names and values that a file has, and what is wrong in it.

use zeroize::Zeroizing;

/// A name and its value, as the file has them.
pub(super) struct Pair {
    /// The line of the name, from 1.
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) value: Value,
}

pub(super) enum Value {
    Text(Zeroizing<String>),
    Object(Vec<Pair>),
    /// Anything else, described for messages.
    Other(&'static str),
    /// A value that was reported; its name is still checked.
    Invalid,
}

/// Something that is wrong in a file; it does not quote a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// `None` if the message has its line, or is about the whole file.
    pub(super) line: Option<usize>,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn at(line: usize, message: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            message: message.into(),
        }
    }

    pub(super) fn of_file(message: String) -> Self {
        Self {
            line: None,
            message,
        }
    }
}
