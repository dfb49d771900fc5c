//! Commands that this program runs itself; they are in no help.

use clap::Subcommand;

use super::get;
use crate::failure::Failure;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Empty the clipboard after some seconds, if it still has the value whose digest is on standard input.
    ClearClipboard {
        /// The seconds.
        seconds: u64,
    },
}

pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::ClearClipboard { seconds } => get::copy::clear_later(*seconds),
    }
}
