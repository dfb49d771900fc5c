//! The parent of the program: it passes signals on and waits.

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
/// A signal of the terminal, such as Ctrl-C, goes to the program already, which is in the same
/// group of processes: only those that another process sent to us are passed on.
pub(super) fn run(command: &mut Command) -> io::Result<ExitStatus> {
    let mut signals = signals()?;
    let mut child = command.spawn()?;
    // The values are the child's now.
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

/// The end of a child, and what is passed on, unless it is ignored. To be called before the start,
/// so that none is lost; a new program does not inherit handlers.
pub(super) fn signals() -> io::Result<SignalsInfo<WithOrigin>> {
    let mut handled = not_ignored(&PASSED_ON);
    handled.push(SIGCHLD);
    SignalsInfo::new(handled)
}

/// The child is not waited for yet, so its id is still its own.
pub(super) fn pass_on(child: &Child, signal: c_int) {
    if let Some(signal) = Signal::from_named_raw(signal) {
        // It fails where the child has ended, or has become another user's: nothing is to be done.
        let _ = kill_process(Pid::from_child(child), signal);
    }
}
