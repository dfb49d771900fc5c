//! Questions on the terminal whose answers are not shown.
//!
//! The terminal goes on making signals of Ctrl-C, Ctrl-\ and Ctrl-Z, so that a script around the
//! command gets them too. While a question is open, the terminal is set back before they act.

mod signals;
mod terminal;

use std::io;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::retry_on_intr;
use secrecy::SecretString;
use signal_hook::consts::{SIGCONT, SIGTSTP};

use super::line::Line;
use signals::{Signals, act_by_default, is_under_job_control};
use terminal::Terminal;

/// A terminal that shows nothing of what is typed. Dropped, it is as it was before.
pub(super) struct HiddenPrompt {
    // Set back before signals act by default again.
    terminal: Terminal,
    signals: Signals,
}

impl HiddenPrompt {
    pub(super) fn open() -> io::Result<Self> {
        let signals = Signals::take()?;
        let terminal = Terminal::open()?;
        terminal.hide()?;
        Ok(Self { terminal, signals })
    }

    /// Asks, and reads a line.
    ///
    /// # Errors
    ///
    /// The terminal is gone, or see [`Line::push`].
    pub(super) fn ask(&mut self, question: &str) -> io::Result<SecretString> {
        let mut line = Line::new();
        self.terminal.show(question)?;
        loop {
            let has_input = self.wait()?;
            for signal in self.signals.arrived() {
                line.clear();
                self.obey(signal, question)?;
            }
            // One byte at a time: what follows the line is for the next question.
            if has_input && line.push(self.terminal.read_byte()?)? {
                self.terminal.show("\n")?;
                return line.into_secret();
            }
        }
    }

    /// Waits for a signal or a key; true for a key.
    fn wait(&self) -> io::Result<bool> {
        let mut sources = [
            PollFd::new(&self.terminal, PollFlags::IN),
            PollFd::new(&self.signals, PollFlags::IN),
        ];
        retry_on_intr(|| poll(&mut sources, None))?;
        let [terminal, signals] = sources;
        Ok(signals.revents().is_empty() && !terminal.revents().is_empty())
    }

    /// Does what a signal does by default, with the terminal set back. After a stop the question is
    /// asked anew.
    fn obey(&self, signal: i32, question: &str) -> io::Result<()> {
        match signal {
            SIGCONT => {
                self.terminal.hide()?;
                self.terminal.show(question)
            }
            // Without a shell that watches over jobs nothing would let it go on.
            SIGTSTP if !is_under_job_control() => Ok(()),
            _ => {
                self.terminal.restore();
                act_by_default(signal)
            }
        }
    }
}
