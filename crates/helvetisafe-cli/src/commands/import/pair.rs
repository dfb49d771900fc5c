//! The names and values that a file has.

use zeroize::Zeroizing;

/// A name and its value, as the file has them.
pub(super) struct Pair {
    pub(super) name: String,
    pub(super) value: Value,
}

pub(super) enum Value {
    Text(Zeroizing<String>),
    Object(Vec<Pair>),
    /// Anything else, described for messages.
    Other(&'static str),
}
