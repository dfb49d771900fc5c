//! The names and values that a file has.

use zeroize::Zeroizing;

/// A name and its value, as the file has them.
pub(in crate::commands) struct Pair {
    pub(in crate::commands) name: String,
    pub(in crate::commands) value: Value,
}

pub(in crate::commands) enum Value {
    Text(Zeroizing<String>),
    Object(Vec<Pair>),
    /// Anything else, described for messages.
    Other(&'static str),
}
