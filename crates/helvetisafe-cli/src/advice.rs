//! The commands that messages advise to run.

use std::fmt::Display;
use std::sync::OnceLock;

/// The options of this command line that an advised command repeats.
struct Options {
    /// Those that select a vault, each after a space.
    vault: String,
    /// The configuration file among them.
    config: String,
}

static OPTIONS: OnceLock<Options> = OnceLock::new();

/// Sets the options of this command line that select the vault: without them an advised command would work
/// on another one. `config` is the one of the configuration file. Only the first call counts.
pub(crate) fn select_vault(vault: String, config: String) {
    let _ = OPTIONS.set(Options { vault, config });
}

/// Returns the command line of an advised command, such as `trust forget`, in backticks.
pub(crate) fn command(command: impl Display) -> String {
    let options = OPTIONS.get().map_or("", |options| options.vault.as_str());
    format!("`helvetisafe {command}{options}`")
}

/// Returns the option that selects the configuration file, after a space, if one was given.
pub(crate) fn config_options() -> &'static str {
    OPTIONS.get().map_or("", |options| options.config.as_str())
}
