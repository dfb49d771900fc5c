//! Results, hints and the progress on the terminal.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use helvetisafe_server::Error;
use helvetisafe_server::maintenance::Progress;
use serde::Serialize;

use super::Failure;

pub(super) fn print(result: &(impl Display + Serialize), is_json: bool) -> Result<(), Failure> {
    let text = match is_json {
        true => serde_json::to_string_pretty(result).map_err(io::Error::from),
        false => Ok(result.to_string()),
    };
    let written = text.and_then(|text| writeln!(io::stdout(), "{text}"));
    written.map_err(|reason| {
        let (action, path) = ("write", "standard output".into());
        Failure::Error(Error::File {
            action,
            path,
            reason,
        })
    })
}

pub(super) fn say(text: &dyn Display) {
    eprintln!("helvetisafe-server: {text}");
}

/// A line on the terminal that is overwritten.
pub(super) struct ProgressLine {
    is_shown: bool,
    last: Option<Instant>,
}

impl ProgressLine {
    pub(super) fn new() -> Self {
        Self {
            is_shown: io::stderr().is_terminal(),
            last: None,
        }
    }

    pub(super) fn show(&mut self, progress: Progress) {
        const INTERVAL: Duration = Duration::from_millis(200);
        let is_due = self.last.is_none_or(|last| last.elapsed() >= INTERVAL);
        if self.is_shown && is_due {
            self.last = Some(Instant::now());
            let Progress {
                table, rows, total, ..
            } = progress;
            eprint!("\r\x1b[Kcopying {table}: {rows} of {total}");
        }
    }

    pub(super) fn clear(&self) {
        if self.last.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
