//! Texts of secrets, which must not leave unwiped copies.

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::commands::selection::Variable;

/// Creates an empty text with enough capacity: growing would leave an unwiped copy. No format writes more
/// than 12 bytes for one.
pub(in crate::commands) fn buffer(variables: &[Variable]) -> Zeroizing<String> {
    let size = |variable: &Variable| variable.name.len() + variable.value.expose_secret().len();
    let bytes: usize = variables.iter().map(|v| 12 * size(v) + 128).sum();
    Zeroizing::new(String::with_capacity(bytes + 1024))
}

/// Appends a text in which some characters are replaced.
pub(in crate::commands) fn push_replacing<'a>(
    out: &mut String,
    text: &str,
    replacement: impl Fn(char) -> Option<&'a str>,
) {
    for c in text.chars() {
        match replacement(c) {
            Some(other) => out.push_str(other),
            None => out.push(c),
        }
    }
}
