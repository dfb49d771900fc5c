//! Standard output: results, and nothing else.

use std::cell::Cell;
use std::io::{self, ErrorKind, IsTerminal, Write};

use anstyle::Style;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::args::Global;
use crate::failure::Failure;
use crate::terminal::{escape, styled};

/// Where results go.
///
/// When the reader has closed the pipe, what is left to print is dropped without a word and the
/// work goes on: a `delete` whose output nobody reads still deletes, and its status is still true.
#[derive(Debug)]
pub(crate) struct Output {
    is_terminal: bool,
    has_colour: bool,
    is_closed: Cell<bool>,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let is_terminal = io::stdout().is_terminal();
        Self {
            is_terminal,
            has_colour: global.color.applies(is_terminal),
            is_closed: Cell::new(false),
        }
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    /// A secret value: exactly its bytes; on a terminal escaped, and with a newline.
    pub(crate) fn value(&self, value: &str) -> Result<(), Failure> {
        if self.is_terminal {
            self.line(value)
        } else {
            self.bytes(value.as_bytes())
        }
    }

    /// A line of text; on a terminal escaped.
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

    /// A heading, bold where colours are on.
    pub(crate) fn heading(&self, text: &str) -> Result<(), Failure> {
        let line = styled(text, Style::new().bold(), self.has_colour);
        self.bytes(format!("{line}\n").as_bytes())
    }

    /// One JSON text on one line. JSON may hold what drives a terminal: it is escaped there.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let mut json = Zeroizing::new(Vec::with_capacity(256));
        serde_json::to_writer(&mut *json, value)
            .map_err(|error| Failure::other(format_args!("cannot write JSON: {error}")))?;
        self.line(&String::from_utf8_lossy(&json))
    }

    /// Bytes as they are.
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
