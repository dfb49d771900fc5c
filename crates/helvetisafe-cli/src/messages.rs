//! Standard error: failures, notes, and what `--verbose` tells.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use crate::args::Global;
use crate::failure::Failure;
use crate::terminal::{escape_line, styled};

const NAME: &str = "helvetisafe:";
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// How to talk to the user. Results never go this way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Messages {
    is_quiet: bool,
    is_verbose: bool,
    is_terminal: bool,
    has_colour: bool,
}

impl Messages {
    pub(crate) fn new(global: &Global) -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self {
            is_quiet: global.quiet,
            is_verbose: global.verbose,
            is_terminal,
            has_colour: global.color.applies(is_terminal),
        }
    }

    /// Returns whether standard error is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Says why something failed; `--quiet` does not silence it.
    pub(crate) fn failure(&self, failure: &Failure) {
        if let Some(message) = failure.message() {
            self.line(RED, message);
        }
    }

    /// What was asked for, but is no result; `--quiet` does not silence it.
    pub(crate) fn say(&self, message: impl Display) {
        self.line(DIM, message);
    }

    /// Something that should stop a person; `--quiet` does not silence it.
    pub(crate) fn warning(&self, message: impl Display) {
        self.line(YELLOW, format_args!("warning: {message}"));
    }

    /// Something worth knowing that is no failure.
    pub(crate) fn note(&self, message: impl Display) {
        if !self.is_quiet {
            self.line(DIM, message);
        }
    }

    /// That something was done: told to a person, while a script has the exit status.
    pub(crate) fn done(&self, message: impl Display) {
        if self.is_verbose || self.is_terminal {
            self.note(message);
        }
    }

    /// What only `--verbose` tells.
    pub(crate) fn detail(&self, message: impl Display) {
        if self.is_verbose {
            self.line(DIM, message);
        }
    }

    /// A question, without a line end.
    pub(crate) fn question(&self, question: impl Display) {
        let question = question.to_string();
        let shown = escape_line(&question);
        // Where standard error is closed, there is nobody to tell.
        let _ = write!(io::stderr(), "{NAME} {shown} ");
    }

    fn line(&self, style: Style, message: impl Display) {
        let message = message.to_string();
        let shown = if self.is_terminal {
            escape_line(&message)
        } else {
            message.as_str().into()
        };
        let name = styled(NAME, style, self.has_colour);
        // As above. One call, so that lines of threads do not mix.
        let _ = io::stderr().write_all(format!("{name} {shown}\n").as_bytes());
    }
}
