//! A question with the answers yes and no.

use std::fmt::Display;
use std::io;

use super::messages::Messages;
use crate::failure::Failure;

/// Asks a question, and reads the answer from standard input. Any answer but `y` and `yes` is a no.
pub(crate) fn confirm(question: impl Display, messages: Messages) -> Result<bool, Failure> {
    messages.question(format_args!("{question} [y/N]"));
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::other(format_args!("cannot read the answer: {error}")))?;
    let answer = answer.trim().to_ascii_lowercase();
    Ok(matches!(answer.as_str(), "y" | "yes"))
}
