//! Commands that this program runs itself; they are in no help.

use std::ffi::OsString;

use clap::Subcommand;

use super::{complete, get};
use crate::failure::Failure;
use crate::ui::output::Output;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Empty the clipboard after some seconds, if it still has the value whose digest is on standard input.
    ClearClipboard {
        /// The seconds.
        seconds: u64,
    },
    /// Print the completions of the last word, a line each, with a tab before the description.
    Complete {
        /// The words of the command line so far.
        #[arg(last = true)]
        words: Vec<OsString>,
    },
}

pub(crate) fn run(
    command: &Command,
    program: clap::Command,
    output: &Output,
) -> Result<(), Failure> {
    match command {
        Command::Complete { words } => complete::run(words, program, output),
        Command::ClearClipboard { seconds } => get::copy::clear_later(*seconds),
    }
}
