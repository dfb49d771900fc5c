//! The commands that messages advise to run.

use std::fmt::Display;
use std::sync::OnceLock;

/// The options that every advised command repeats, each after a space.
static OPTIONS: OnceLock<String> = OnceLock::new();

/// Sets the options of this command line that select the vault: without them an advised command would work
/// on another one. Only the first call counts.
pub(crate) fn select_vault(options: String) {
    let _ = OPTIONS.set(options);
}

/// Returns the command line of an advised command, such as `trust forget`, in backticks.
pub(crate) fn command(command: impl Display) -> String {
    let options = OPTIONS.get().map_or("", String::as_str);
    format!("`helvetisafe {command}{options}`")
}
