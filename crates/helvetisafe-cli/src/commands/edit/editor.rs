//! The user's editor.

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::Path;

use crate::commands::launch::Program;
use crate::failure::Failure;
use crate::process::remove_our_variables;
use crate::ui::messages::Messages;

/// The editor if no variable names one.
const DEFAULT: &str = if cfg!(unix) { "vi" } else { "notepad" };

/// Fails if no variable names an editor and the default one has no terminal to run on. As with git, an editor that is named may
/// be a script or have a window, so it needs none.
pub(super) fn check() -> Result<(), Failure> {
    if editor().is_some() {
        return Ok(());
    }
    let why = if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        "there is no terminal"
    } else if cfg!(unix) && is_dumb(env::var_os("TERM")) {
        "the terminal is dumb (TERM)"
    } else {
        return Ok(());
    };
    Err(Failure::usage(format_args!(
        "cannot open {DEFAULT}: {why}; set VISUAL or EDITOR to an editor that needs none, or change the value without one, with \
         `helvetisafe set KEY`"
    )))
}

/// Returns true if a terminal cannot move its cursor.
fn is_dumb(term: Option<OsString>) -> bool {
    term.is_none_or(|term| term.is_empty() || term == "dumb")
}

/// Opens a file in the editor and waits for its end. The editor does not get the credentials of this command.
pub(super) fn run(file: &Path, messages: Messages) -> Result<(), Failure> {
    if editor().is_none() {
        messages.note(format_args!(
            "the editor is {DEFAULT}; VISUAL or EDITOR chooses another"
        ));
    }
    let mut prepared = Program::new(&command(file))?;
    remove_our_variables(prepared.command());
    prepared
        .start(true)
        .map_err(|failure| match failure.message() {
            Some(message) => Failure::other(format_args!(
                "{message}; nothing was changed; set VISUAL or EDITOR to an editor"
            )),
            None => Failure::other(format_args!(
                "the editor ended with status {}; nothing was changed",
                failure.status()
            )),
        })
}

/// Returns the command line. A variable with quotes or other syntax is read by a shell, as git does; others are
/// words. The path of the file is an argument of its own.
#[cfg(unix)]
fn command(file: &Path) -> Vec<OsString> {
    let editor = editor().unwrap_or_else(|| DEFAULT.into());
    let is_plain = |c: char| c.is_alphanumeric() || " /._-+=:,@".contains(c);
    if let Some(plain) = editor
        .to_str()
        .filter(|editor| editor.chars().all(is_plain))
    {
        let words = plain.split(' ').filter(|word| !word.is_empty());
        return words.map(OsString::from).chain([file.into()]).collect();
    }
    let mut script = editor.clone();
    script.push(" \"$@\"");
    vec!["sh".into(), "-c".into(), script, editor, file.into()]
}

#[cfg(not(unix))]
fn command(file: &Path) -> Vec<OsString> {
    let editor = editor().unwrap_or_else(|| DEFAULT.into());
    vec![editor, file.into()]
}

fn editor() -> Option<OsString> {
    let variables = ["VISUAL", "EDITOR"].into_iter();
    let mut editors = variables.filter_map(env::var_os);
    editors.find(|editor| !editor.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_without_a_name_is_dumb() {
        for (term, expected) in [
            (None, true),
            (Some(""), true),
            (Some("dumb"), true),
            (Some("xterm"), false),
        ] {
            assert_eq!(is_dumb(term.map(OsString::from)), expected, "{term:?}");
        }
    }
}
