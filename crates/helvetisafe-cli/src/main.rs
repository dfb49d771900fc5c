//! The command `helvetisafe`, a client of the public facade `helvetisafe` alone.
//!
//! # How the crate is laid out
//!
//! `args` is what the user typed, `config` what the program needs; `context` is what every command
//! gets. `connect` is the one place where a client is made, and `trust` looks there whether the org
//! key is the remembered one. `kept` is what is on disk of a vault: the access token for the next
//! command, and the answers that `offline` gives once more. `budget` is the time that a command has. `command` holds one file per command,
//! `failure` the errors with their exit status, `output` and `messages` all that is printed.
//! `signals` lists the signals that were ignored at the start; `process` closes
//! the memory of the command to its neighbours.
//!
//! # To add a command
//!
//! 1. A file `src/command/NAME.rs` with `pub(crate) struct Args` (derives `clap::Args`; its doc
//!    comment is the help, `after_help` the examples) and
//!    `pub(crate) fn run(args: &Args, context: &Context) -> Result<(), Failure>`.
//! 2. In `src/command.rs` one `mod` line, one line in `Command` and one in `Command::run`.
//! 3. A transcript in `tests/transcripts/`, and a section in `docs/cli.md`.

mod args;
mod atomic_file;
mod budget;
mod command;
mod config;
mod connect;
mod context;
mod expiry;
mod failure;
mod fetch;
mod folder;
mod input;
mod kept;
mod keys;
mod messages;
mod offline;
mod output;
mod process;
mod progress;
mod secret_input;
mod signals;
mod state_folder;
mod suggest;
mod terminal;
mod time_argument;
mod trust;

use std::alloc::System;
use std::process::ExitCode;

use clap::Parser;
use zeroizing_alloc::ZeroAlloc;

use crate::args::Cli;
use crate::context::Context;

/// Wipes whatever is freed, so that copies in the buffers of libraries, which only they could wipe,
/// do not outlive their use either.
#[global_allocator]
static HEAP: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    // Before any credential is read.
    let closed = process::close_to_others();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return args::refuse(&error),
    };
    let context = Context::new(cli.global, cli.command.usual_time());
    if let Err(error) = closed {
        context.messages.warning(format_args!(
            "other processes of this user can read the memory of this one: {error}"
        ));
    }
    let outcome = cli.command.run(&context);
    context.keep_token();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let failure = context.explain(failure);
            context.messages.failure(&failure);
            failure.exit_code()
        }
    }
}
