//! Standard output: results alone.

use std::cell::Cell;
use std::io::{self, ErrorKind, IsTerminal, Write};

use anstyle::Style;
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use super::terminal::{ColorChoice, escape, styled};
use crate::failure::Failure;

/// A JSON object of texts, in their order.
pub(crate) struct Object<'a>(pub(crate) Vec<(&'a str, &'a str)>);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// Prints results.
///
/// When the reader closes the pipe, further results are dropped silently and the work continues: a
/// `delete` still deletes, and its status is still correct.
#[derive(Debug)]
pub(crate) struct Output {
    is_terminal: bool,
    has_colour: bool,
    is_closed: Cell<bool>,
}

impl Output {
    pub(super) fn new(color: ColorChoice) -> Self {
        let is_terminal = io::stdout().is_terminal();
        Self {
            is_terminal,
            has_colour: color.applies(is_terminal),
            is_closed: Cell::new(false),
        }
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Returns true if the reader has closed the pipe.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    /// Fails if the reader has closed the pipe, for a result that cannot be printed again.
    pub(crate) fn check_read(&self) -> Result<(), Failure> {
        match self.is_closed() {
            true => Err(Failure::other(
                "cannot write to standard output: its reader has closed it",
            )),
            false => Ok(()),
        }
    }

    /// Prints the exact bytes of a value; on a terminal escaped and with a newline.
    pub(crate) fn value(&self, value: &str) -> Result<(), Failure> {
        if self.is_terminal {
            self.line(value)
        } else {
            self.bytes(value.as_bytes())
        }
    }

    /// Prints a line of text; on a terminal escaped.
    pub(crate) fn line(&self, text: &str) -> Result<(), Failure> {
        let mut line = Zeroizing::new(String::with_capacity(text.len() + 1));
        if self.is_terminal {
            line.push_str(&Zeroizing::new(escape(text).into_owned()));
        } else {
            line.push_str(text);
        }
        line.push('\n');
        self.bytes(line.as_bytes())
    }

    /// Prints a heading, bold if colours are on.
    pub(crate) fn heading(&self, text: &str) -> Result<(), Failure> {
        let line = styled(text, Style::new().bold(), self.has_colour);
        self.bytes(format!("{line}\n").as_bytes())
    }

    /// Prints JSON on one line; on a terminal escaped, since JSON allows some control characters.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let mut json = Zeroizing::new(Vec::with_capacity(256));
        serde_json::to_writer(&mut *json, value)
            .map_err(|error| Failure::other(format_args!("cannot write JSON: {error}")))?;
        self.line(&String::from_utf8_lossy(&json))
    }

    /// Prints bytes.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        if self.is_closed() {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_closed.set(true);
                Ok(())
            }
            Err(error) => Err(Failure::other(format_args!(
                "cannot write to standard output: {error}"
            ))),
        }
    }
}
