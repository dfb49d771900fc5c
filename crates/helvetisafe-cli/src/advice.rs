//! The commands that messages advise to run.

use std::fmt::Display;
use std::path::Path;
use std::sync::OnceLock;

use helvetisafe::organization::ScopeList;

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
    with_options(command, options())
}

/// Returns the command line of an advised command about a name, such as `org confirm` and `bob`, in backticks.
pub(crate) fn command_about(command: impl Display, name: &str) -> String {
    about(command, name, options())
}

/// Returns the command line that invites a person with these scopes, in backticks.
pub(crate) fn invite(name: &str, scopes: &ScopeList) -> String {
    command_about(with_scopes(scopes), name)
}

/// Returns [`invite`] for the machine of another person, without options that select a vault.
pub(crate) fn invite_elsewhere(name: &str, scopes: &ScopeList) -> String {
    about(with_scopes(scopes), name, "")
}

fn with_scopes(scopes: &ScopeList) -> String {
    format!(
        "org invite --scopes {}",
        shell_quoted(scopes.as_str().as_ref())
    )
}

fn options() -> &'static str {
    OPTIONS.get().map_or("", |options| options.vault.as_str())
}

/// Returns the option that selects the configuration file, after a space, if one was given.
pub(crate) fn config_options() -> &'static str {
    OPTIONS.get().map_or("", |options| options.config.as_str())
}

fn with_options(command: impl Display, options: &str) -> String {
    format!("`helvetisafe {command}{options}`")
}

/// The options come before a name that follows `--`.
fn about(command: impl Display, name: &str, options: &str) -> String {
    let argument = argument(name);
    match argument.starts_with("--") {
        true => format!("`helvetisafe {command}{options} {argument}`"),
        false => with_options(format_args!("{command} {argument}"), options),
    }
}

/// Writes a name as the last argument of a command for a shell: after `--` if it would be read as an option.
pub(crate) fn argument(name: &str) -> String {
    let word = shell_quoted(name.as_ref());
    match name.starts_with('-') {
        true => format!("-- {word}"),
        false => word,
    }
}

/// Writes an option with a value for a shell. A value that begins with `-` would be read as another option.
pub(crate) fn option(flag: &str, value: &Path) -> String {
    let word = shell_quoted(value);
    match value.as_os_str().as_encoded_bytes().starts_with(b"-") {
        true => format!("{flag}={word}"),
        false => format!("{flag} {word}"),
    }
}

/// Writes a path as one word of a shell command.
pub(crate) fn shell_quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:".contains(c);
    if !path.starts_with('-') && path.chars().all(is_plain) {
        return path;
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_can_be_pasted_into_a_shell() {
        assert_eq!(shell_quoted(Path::new("/a/b.pem")), "/a/b.pem");
        assert_eq!(shell_quoted(Path::new("/it's $x")), r"'/it'\''s $x'");
    }

    #[test]
    fn a_name_that_looks_like_an_option_comes_last() {
        let advised = |name| about("org confirm", name, " --profile ada");
        assert_eq!(
            advised("bob"),
            "`helvetisafe org confirm bob --profile ada`"
        );
        assert_eq!(
            advised("bob smith"),
            "`helvetisafe org confirm 'bob smith' --profile ada`"
        );
        assert_eq!(
            advised("--yes"),
            "`helvetisafe org confirm --profile ada -- '--yes'`"
        );
        assert_eq!(option("--config", Path::new("a.toml")), "--config a.toml");
        assert_eq!(option("--config", Path::new("-a/b")), "--config='-a/b'");
    }
}
