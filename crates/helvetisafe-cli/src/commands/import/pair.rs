//! The names and values of a file, and the problems found in it.

use std::fmt;

use zeroize::Zeroizing;

/// A name and its value, as the file has them.
pub(in crate::commands) struct Pair {
    /// The line of the name, from 1.
    pub(in crate::commands) line: usize,
    pub(in crate::commands) name: String,
    pub(in crate::commands) value: Value,
}

pub(in crate::commands) enum Value {
    Text(Zeroizing<String>),
    Object(Vec<Pair>),
    /// Anything else, described for messages.
    Other(&'static str),
    /// A value that was reported; its name is still checked.
    Invalid,
}

/// A problem in a file. Its message quotes no value.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::commands) struct Problem {
    /// `None` if the message has its line, or is about the whole file.
    pub(in crate::commands) line: Option<usize>,
    pub(in crate::commands) message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
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
