//! The program as a child process: its signals and its end.

use std::io;
use std::os::raw::c_int;
use std::process::{Child, Command, ExitStatus};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;

use crate::signals::not_ignored;

const PASSED_ON: [c_int; 6] = [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2];

/// Starts a program and waits for its end.
///
/// A signal of the terminal, such as Ctrl-C, reaches the program already, which is in the same process
/// group. Only signals that another process sent are passed on.
pub(super) fn run(command: &mut Command) -> io::Result<ExitStatus> {
    let mut signals = signals()?;
    let mut child = command.spawn()?;
    // The child has the values now.
    command.env_clear();
    for origin in signals.forever() {
        if origin.signal != SIGCHLD {
            if origin.process.is_some() {
                pass_on(&child, origin.signal);
            }
        } else if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
    }
    child.wait()
}

/// Handles the end of a child and the signals to pass on, unless they are ignored. Call it before the start,
/// so that no signal is lost; a new program does not inherit handlers.
pub(super) fn signals() -> io::Result<SignalsInfo<WithOrigin>> {
    let mut handled = not_ignored(&PASSED_ON);
    handled.push(SIGCHLD);
    SignalsInfo::new(handled)
}

/// Sends a signal to a child that was not waited for yet, so that its id is valid.
pub(super) fn pass_on(child: &Child, signal: c_int) {
    if let Some(signal) = Signal::from_named_raw(signal) {
        // It fails if the child has ended or belongs to another user now.
        let _ = kill_process(Pid::from_child(child), signal);
    }
}
