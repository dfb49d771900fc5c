//! The controlling terminal, and the process group in its foreground.

use std::fs::File;

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use rustix::process::{Pid, test_kill_process_group};
use rustix::termios::{tcgetpgrp, tcsetpgrp};

pub(super) struct Terminal(File);

impl Terminal {
    /// Opens the controlling terminal, if there is one.
    pub(super) fn open() -> Option<Self> {
        let opened = File::options().read(true).write(true).open("/dev/tty");
        opened.ok().map(Self)
    }

    /// Returns true if a group is in the foreground.
    pub(super) fn is_held_by(&self, group: Pid) -> bool {
        tcgetpgrp(&self.0) == Ok(group)
    }

    /// Returns true if the group in the foreground has ended, as that of a job of a killed shell.
    pub(super) fn is_abandoned(&self) -> bool {
        tcgetpgrp(&self.0).is_ok_and(|group| test_kill_process_group(group).is_err())
    }

    /// Puts a group into the foreground. It fails if the group has ended.
    pub(super) fn give_to(&self, group: Pid) {
        // A process in the background gets this signal, which would stop it.
        let stop = SigSet::from(Signal::SIGTTOU);
        let Ok(before) = stop.thread_swap_mask(SigmaskHow::SIG_BLOCK) else {
            return;
        };
        let _ = tcsetpgrp(&self.0, group);
        let _ = before.thread_set_mask();
    }
}
