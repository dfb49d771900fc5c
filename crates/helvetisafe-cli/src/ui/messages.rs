//! Standard error: failures, warnings, notes, and the log of `--verbose`.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use super::held;
use super::terminal::{ColorChoice, escape_line, styled};
use crate::failure::Failure;

const NAME: &str = "helvetisafe:";
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// Prints messages. Results go to [`super::output::Output`] instead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Messages {
    is_quiet: bool,
    is_verbose: bool,
    is_terminal: bool,
    has_colour: bool,
}

impl Messages {
    pub(super) fn new(is_quiet: bool, is_verbose: bool, color: ColorChoice) -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self {
            is_quiet,
            is_verbose,
            is_terminal,
            has_colour: color.applies(is_terminal),
        }
    }

    /// Returns true if standard error is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Returns true if a progress bar may be shown.
    pub(super) fn may_animate(&self) -> bool {
        self.is_terminal && !self.is_quiet
    }

    /// Prints a failure, also with `--quiet`, unless this thread holds its failures back.
    pub(crate) fn failure(&self, failure: &Failure) {
        if let Some(message) = failure.message().filter(|it| !held::holds(it)) {
            self.line(RED, message);
        }
    }

    /// Prints failures that were held back.
    pub(crate) fn failures(&self, held: Vec<String>) {
        held.iter().for_each(|message| self.line(RED, message));
    }

    /// Prints something that the user asked for and that is not a result, also with `--quiet`.
    pub(crate) fn info(&self, message: impl Display) {
        self.line(DIM, message);
    }

    /// Prints a warning, also with `--quiet`.
    pub(crate) fn warning(&self, message: impl Display) {
        self.line(YELLOW, format_args!("warning: {message}"));
    }

    /// Prints a note, unless `--quiet` is given.
    pub(crate) fn note(&self, message: impl Display) {
        if !self.is_quiet {
            self.line(DIM, message);
        }
    }

    /// Confirms an action on a terminal or with `--verbose`: scripts have the exit status.
    pub(crate) fn done(&self, message: impl Display) {
        if self.is_verbose || self.is_terminal {
            self.note(message);
        }
    }

    /// Returns true if the log of `--verbose` is printed.
    pub(crate) fn is_verbose(&self) -> bool {
        self.is_verbose
    }

    /// Prints a line of the log of `--verbose`.
    pub(crate) fn detail(&self, message: impl Display) {
        if self.is_verbose {
            self.line(DIM, message);
        }
    }

    /// Prints a question, without a line end.
    pub(super) fn question(&self, question: impl Display) {
        let question = question.to_string();
        let shown = escape_line(&question);
        // A failure to print a message, as where standard error is closed, is ignored.
        let _ = write!(io::stderr(), "{NAME} {shown} ");
    }

    fn line(&self, style: Style, message: impl Display) {
        let message = message.to_string();
        // In a pipe too: texts of the vault must not make lines of their own in a log.
        let shown = escape_line(&message);
        let name = styled(NAME, style, self.has_colour);
        // As above. In one call, so that the lines of threads do not mix.
        let _ = io::stderr().write_all(format!("{name} {shown}\n").as_bytes());
    }
}
