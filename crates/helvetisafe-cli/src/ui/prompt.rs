//! Questions whose answers are shown.

use std::fmt::Display;
use std::io::{self, IsTerminal};

use super::messages::Messages;
use crate::failure::Failure;

/// Asks a question, and reads the answer from standard input. Any answer but `y` and `yes` is a no.
pub(crate) fn confirm(question: impl Display, messages: Messages) -> Result<bool, Failure> {
    messages.question(format_args!("{question} [y/N]"));
    let answer = read()?.trim().to_ascii_lowercase();
    Ok(matches!(answer.as_str(), "y" | "yes"))
}

/// Asks a question until the answer is yes or no. An empty line is the default, and the end of the input a no.
pub(crate) fn decide(
    question: impl Display,
    default: bool,
    messages: Messages,
) -> Result<bool, Failure> {
    let choices = if default { "[Y/n]" } else { "[y/N]" };
    loop {
        messages.question(format_args!("{question} {choices}"));
        let answer = read()?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            "" => return Ok(default && !answer.is_empty()),
            _ => messages.warning("the answer is neither y nor n"),
        }
    }
}

/// Asks a question, and fails unless the answer is yes. `outcome` says that nothing was done.
pub(crate) fn require(
    question: impl Display,
    outcome: &str,
    messages: Messages,
) -> Result<(), Failure> {
    match confirm(question, messages)? {
        true => Ok(()),
        false => Err(Failure::other(format_args!(
            "{outcome}, since the answer was not y"
        ))),
    }
}

/// Asks a question as [`require`]. Without a terminal it asks nothing, and fails with `refusal`.
pub(crate) fn require_at_terminal(
    refusal: &str,
    question: impl Display,
    outcome: &str,
    messages: Messages,
) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(refusal));
    }
    require(question, outcome, messages)
}

/// Asks a question as [`require`], but not without a terminal.
pub(crate) fn require_if_terminal(
    question: impl Display,
    outcome: &str,
    messages: Messages,
) -> Result<(), Failure> {
    match io::stdin().is_terminal() {
        true => require(question, outcome, messages),
        false => Ok(()),
    }
}

/// Asks a question, and reads a line from standard input. An empty line is the default.
pub(crate) fn line(
    question: impl Display,
    default: Option<&str>,
    messages: Messages,
) -> Result<String, Failure> {
    match default {
        Some(default) => messages.question(format_args!("{question} [{default}]:")),
        None => messages.question(format_args!("{question}:")),
    }
    let answer = read()?;
    if answer.is_empty() {
        return Err(Failure::usage("the input ended before the answer"));
    }
    Ok(match answer.trim() {
        "" => default.unwrap_or_default().to_owned(),
        answer => answer.to_owned(),
    })
}

fn read() -> Result<String, Failure> {
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|error| {
            Failure::other(format_args!(
                "cannot read the answer: {error}; run the command on a terminal, or answer with its options"
            ))
        })?;
    Ok(answer)
}
