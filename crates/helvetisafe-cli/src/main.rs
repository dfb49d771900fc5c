//! The command `helvetisafe`, a client of the public library `helvetisafe` alone.
//!
//! # How the crate is laid out
//!
//! Modules depend on those above them in this list, never on those below:
//!
//! | module | has |
//! |---|---|
//! | `advice` | the commands that messages advise to run |
//! | `failure` | the failure of a command: message and exit status |
//! | `once` | values that are made when they are first needed |
//! | `random` | random bytes, hexadecimal digits |
//! | `process`, `signals` | the protection of this process's memory and variables; ignored signals |
//! | `fs` | atomic, private and output files, modes and groups, the state folder |
//! | `ui` | messages, output, prompts, and arguments that commands share |
//! | `settings` | flags, variables and profiles, parsed once into `Settings` |
//! | `offline_cache` | the file with the vault's responses and the access token |
//! | `session` | connections, org keys, the access token, reads, names for completions |
//! | `commands` | one file or folder per command, and what several of them share, such as `selection` |
//! | `args` | the command line |
//!
//! # To add a command
//!
//! 1. A file `src/commands/NAME.rs` with `pub(crate) struct Args` (derives `clap::Args`; its doc
//!    comment is the help, `after_help` the examples) and
//!    `pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure>`.
//! 2. In `src/commands.rs` one `mod` line, one line with `Deferred<NAME::Args>` in `Command` and one in `Command::run`.
//! 3. A transcript in `tests/transcripts/`, and a section in `docs/cli.md`.

mod advice;
mod args;
mod commands;
mod failure;
mod fs;
mod offline_cache;
mod once;
mod process;
mod random;
mod session;
mod settings;
mod signals;
mod ui;

use std::alloc::System;
use std::process::ExitCode;

use clap::CommandFactory;
use zeroizing_alloc::ZeroAlloc;

use crate::args::Cli;
use crate::session::Vault;
use crate::ui::Ui;

/// Wipes all memory when it is freed, also that of libraries, whose buffers only they could wipe.
#[global_allocator]
static HEAP: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    // Before any credential is read.
    let protected = process::protect_memory();
    let cli = match args::parse() {
        Ok(cli) => cli,
        Err(error) => return args::report(error),
    };
    advice::select_vault(cli.settings.selection(), cli.settings.config_selection());
    let ui = Ui::new(&cli.ui);
    if let Err(error) = protected {
        ui.messages.warning(format_args!(
            "other processes of this user can read the memory of this one: {error}"
        ));
    }
    let settings = match cli.command.has_own_scopes() {
        true => cli.settings.without_scopes(),
        false => cli.settings,
    };
    let vault = Vault::new(settings, cli.command.default_timeout(), ui.messages);
    let outcome = cli.command.run(Cli::command, &vault, &ui);
    vault.uncache_written();
    vault.save_token();
    vault.save_names();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let failure = vault.explain(failure);
            ui.messages.failure(&failure);
            failure.exit_code()
        }
    }
}
