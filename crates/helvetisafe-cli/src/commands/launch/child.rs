//! `--no-exec`: the program as a child process, and the signals for it.

use std::io;
use std::os::raw::c_int;
use std::process::{Command, ExitStatus};
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{
    SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGWINCH,
};
use signal_hook::flag::register_conditional_default;
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;

use super::group::Group;
use crate::signals::not_ignored;

/// The signals for the program, which is in a process group of its own.
const PASSED_ON: [c_int; 8] = [
    SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP,
];

/// The condition of the handlers that emulate the default.
static ACT_BY_DEFAULT: AtomicBool = AtomicBool::new(true);

/// Starts a program and waits for its end.
pub(super) fn run(command: &mut Command) -> io::Result<ExitStatus> {
    let mut signals = signals()?;
    let mut group = Group::start(command)?;
    group.enter_foreground();
    // The child has the values now.
    command.env_clear();
    for origin in signals.forever() {
        group.handle_signal(origin.signal, origin.process.is_some());
        if let Some(status) = group.update()? {
            return Ok(status);
        }
    }
    group.kill()
}

/// Lets the signals act by default again. The handlers stay after the end of the program, and would ignore them.
pub(super) fn restore_signals() -> io::Result<()> {
    for signal in not_ignored(&PASSED_ON) {
        register_conditional_default(signal, &ACT_BY_DEFAULT)?;
    }
    Ok(())
}

/// Handles the ends of children and the signals to pass on, unless they are ignored. Call it before the
/// start, so that no signal is lost; a new program does not inherit handlers.
pub(in crate::commands) fn signals() -> io::Result<SignalsInfo<WithOrigin>> {
    let mut handled = not_ignored(&PASSED_ON);
    handled.push(SIGCHLD);
    SignalsInfo::new(handled)
}
