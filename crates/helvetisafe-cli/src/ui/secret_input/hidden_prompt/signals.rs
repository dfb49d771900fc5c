//! Signals that wait until the terminal is restored.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::raw::c_int;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{
    SIGABRT, SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1,
    SIGUSR2, SIGVTALRM, SIGXCPU, SIGXFSZ,
};
use signal_hook::flag::register_conditional_default;
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use signal_hook::low_level::emulate_default_handler;

use crate::signals::not_ignored;

/// The signals that end or stop a program and that `signal-hook` can catch and emulate. Signals of a
/// fault, such as SIGSEGV, are left out, and so are SIGIO and SIGPWR, whose default it does not know.
const ENDING: &[c_int] = &[
    SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP, SIGABRT, SIGALRM, SIGPROF, SIGUSR1, SIGUSR2,
    SIGVTALRM, SIGXCPU, SIGXFSZ,
];

/// Set while signals act at once, as without a handler. A handler cannot be removed.
static ACT_AT_ONCE: AtomicBool = AtomicBool::new(true);

/// The signals that end, stop or continue a program, except those ignored at the start. They act by
/// default again after the drop.
pub(in crate::ui) struct Signals(SignalDelivery<UnixStream, SignalOnly>);

impl Signals {
    pub(in crate::ui) fn catch() -> io::Result<Self> {
        let mut signals = not_ignored(ENDING);
        for signal in &signals {
            register_conditional_default(*signal, &ACT_AT_ONCE)?;
        }
        signals.push(SIGCONT);
        let (read, write) = UnixStream::pair()?;
        let delivery = SignalDelivery::with_pipe(read, write, SignalOnly, signals)?;
        ACT_AT_ONCE.store(false, Ordering::SeqCst);
        Ok(Self(delivery))
    }

    /// Returns the signals since the last call.
    pub(in crate::ui) fn pending(&mut self) -> impl Iterator<Item = c_int> + use<> {
        self.0.pending()
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_read().as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        ACT_AT_ONCE.store(true, Ordering::SeqCst);
        for signal in self.pending() {
            let _ = act_by_default(signal);
        }
    }
}

/// Ends the process by the signal, as a shell expects, or stops it and returns when it is continued.
pub(in crate::ui) fn act_by_default(signal: c_int) -> io::Result<()> {
    emulate_default_handler(signal)
}
