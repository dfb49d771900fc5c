//! The user's editor.

use std::env;
use std::ffi::OsString;
use std::path::Path;

use crate::commands::launch::Program;
use crate::failure::Failure;
use crate::process::remove_our_variables;

/// Opens a file in the editor and waits for its end. The editor does not get the credentials of this command.
pub(super) fn run(file: &Path) -> Result<(), Failure> {
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
    let editor = editor().unwrap_or_else(|| "vi".into());
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
    let editor = editor().unwrap_or_else(|| "notepad".into());
    vec![editor, file.into()]
}

fn editor() -> Option<OsString> {
    let variables = ["VISUAL", "EDITOR"].into_iter();
    let mut editors = variables.filter_map(env::var_os);
    editors.find(|editor| !editor.is_empty())
}
