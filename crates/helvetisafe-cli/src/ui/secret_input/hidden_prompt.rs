//! Prompts on the terminal without an echo.
//!
//! The terminal still turns Ctrl-C, Ctrl-\ and Ctrl-Z into signals, so that a script around the command
//! gets them too. Before a signal acts, the settings of the terminal are restored.

pub(in crate::ui) mod signals;
mod terminal;

use std::io;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::retry_on_intr;
use secrecy::SecretString;
use signal_hook::consts::{SIGCONT, SIGTSTP};

use super::line::Line;
use crate::signals::is_under_job_control;
use signals::{Signals, act_by_default};
use terminal::Terminal;

/// A terminal without an echo. Its settings are restored on drop.
pub(super) struct HiddenPrompt {
    // Dropped first: the settings are restored before signals act by default again.
    terminal: Terminal,
    signals: Signals,
}

impl HiddenPrompt {
    pub(super) fn open() -> io::Result<Self> {
        let signals = Signals::catch()?;
        let terminal = Terminal::open()?;
        terminal.turn_echo_off()?;
        Ok(Self { terminal, signals })
    }

    /// Prints a question and reads a line.
    ///
    /// # Errors
    ///
    /// Those of the terminal, and of [`Line::push`].
    pub(super) fn ask(&mut self, question: &str) -> io::Result<SecretString> {
        let mut line = Line::new();
        self.terminal.show(question)?;
        loop {
            let has_input = self.wait()?;
            for signal in self.signals.pending() {
                line.clear();
                self.handle(signal, question)?;
            }
            // One byte at a time: the bytes after the line belong to the next question.
            if has_input && line.push(self.terminal.read_byte()?)? {
                self.terminal.show("\n")?;
                return line.into_secret();
            }
        }
    }

    /// Waits for a signal or a key. Returns true for a key.
    fn wait(&self) -> io::Result<bool> {
        let mut sources = [
            PollFd::new(&self.terminal, PollFlags::IN),
            PollFd::new(&self.signals, PollFlags::IN),
        ];
        retry_on_intr(|| poll(&mut sources, None))?;
        let [terminal, signals] = sources;
        Ok(signals.revents().is_empty() && !terminal.revents().is_empty())
    }

    /// Restores the terminal and lets a signal act by default. After a stop the question is printed again.
    fn handle(&self, signal: i32, question: &str) -> io::Result<()> {
        match signal {
            SIGCONT => {
                self.terminal.turn_echo_off()?;
                self.terminal.show(question)
            }
            // Without job control nothing would continue the process.
            SIGTSTP if !is_under_job_control() => Ok(()),
            _ => {
                self.terminal.restore();
                act_by_default(signal)
            }
        }
    }
}
