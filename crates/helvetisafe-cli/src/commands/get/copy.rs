//! `get --copy`: the value goes to the clipboard, and is removed from it after a time.

use std::env;
use std::io::{self, Read, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::failure::Failure;
use crate::process::remove_our_variables;
use crate::ui::Ui;
use crate::ui::clipboard::{Clipboard, digest};
use crate::ui::expiry::time_in_words;

/// Copies a value. A process in the background empties the clipboard after `time`, unless something else was
/// copied meanwhile.
pub(super) fn to_clipboard(key: &str, value: &str, time: Duration, ui: &Ui) -> Result<(), Failure> {
    let clipboard = Clipboard::find()?;
    // It has the digest before the value is copied, so that the value is cleared wherever this process is
    // killed. Its time begins with the end of the copying, when its input is closed.
    let copying = start(time, &digest(value.as_bytes())).map_err(|error| {
        Failure::other(format_args!(
            "cannot start the process that clears the clipboard: {error}; nothing was copied"
        ))
    })?;
    clipboard.copy(value)?;
    drop(copying);
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    ui.messages.note(format_args!(
        "copied `{key}` to the clipboard, which is cleared in {}",
        time_in_words(seconds)
    ));
    Ok(())
}

/// Starts the process that will clear the clipboard, and returns its open input. Signals of the terminal do not
/// reach it.
fn start(time: Duration, digest: &str) -> io::Result<ChildStdin> {
    let mut command = Command::new(env::current_exe()?);
    command
        .args(["internal", "clear-clipboard", &time.as_secs().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    remove_our_variables(&mut command);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut stdin = command
        .spawn()?
        .stdin
        .ok_or_else(|| io::Error::other("it has no input"))?;
    stdin.write_all(digest.as_bytes())?;
    Ok(stdin)
}

/// Runs in that process: reads the digest of the value until the value was copied, waits, and empties the
/// clipboard if it still has the value.
pub(in crate::commands) fn clear_later(seconds: u64) -> Result<(), Failure> {
    outlive_the_terminal()?;
    let mut digest = String::new();
    io::stdin()
        .read_to_string(&mut digest)
        .map_err(Failure::other)?;
    if digest.is_empty() {
        return Ok(());
    }
    thread::sleep(Duration::from_secs(seconds));
    Clipboard::find()?.clear_if(&digest).map_err(Failure::other)
}

/// Ignores SIGHUP, which a closing terminal sends.
#[cfg(unix)]
fn outlive_the_terminal() -> Result<(), Failure> {
    let hung_up = std::sync::Arc::default();
    let registered = signal_hook::flag::register(signal_hook::consts::SIGHUP, hung_up);
    registered.map(drop).map_err(Failure::other)
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
fn outlive_the_terminal() -> Result<(), Failure> {
    Ok(())
}
