//! The commands, one file or folder each.

mod agent;
mod completions;
mod config;
mod copy;
mod create;
mod delete;
mod doctor;
mod export;
mod field;
mod get;
mod import;
mod inject;
mod list;
mod man;
mod move_secret;
pub(crate) mod run;
mod selection;
mod set;
mod trust;
mod update;
mod write;

use std::time::Duration;

use clap::Subcommand;

use helvetisafe::Timeouts;

use crate::failure::Failure;
use crate::session::Vault;
use crate::ui::Ui;

/// The command to run. The help of each is the doc comment of its `Args`.
#[derive(Subcommand)]
pub(crate) enum Command {
    Get(get::Args),
    Set(set::Args),
    Create(create::Args),
    Update(update::Args),
    List(list::Args),
    Delete(delete::Args),
    Copy(copy::Args),
    Move(move_secret::Args),
    Import(import::Args),
    Inject(inject::Args),
    Run(run::Args),
    Export(export::Args),
    #[command(subcommand)]
    Config(config::Command),
    Agent(agent::Args),
    Doctor(doctor::Args),
    Trust(trust::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    /// Returns the time for all requests together, unless the user sets one. `None` for commands with
    /// possibly thousands of writes, which have a timeout each.
    pub(crate) fn default_timeout(&self) -> Option<Duration> {
        match self {
            Self::Import(_) | Self::Delete(_) => None,
            _ => Some(Timeouts::default().operation),
        }
    }

    /// Runs the command. `program` describes the whole command line.
    pub(crate) fn run(
        &self,
        program: fn() -> clap::Command,
        vault: &Vault,
        ui: &Ui,
    ) -> Result<(), Failure> {
        match self {
            Self::Get(args) => get::run(args, vault, ui),
            Self::Set(args) => set::run(args, vault, ui),
            Self::Create(args) => create::run(args, vault, ui),
            Self::Update(args) => update::run(args, vault, ui),
            Self::List(args) => list::run(args, vault, ui),
            Self::Delete(args) => delete::run(args, vault, ui),
            Self::Copy(args) => copy::run(args, vault, ui),
            Self::Move(args) => move_secret::run(args, vault, ui),
            Self::Import(args) => import::run(args, vault, ui),
            Self::Inject(args) => inject::run(args, vault, ui),
            Self::Run(args) => run::run(args, vault),
            Self::Export(args) => export::run(args, vault, ui),
            Self::Config(command) => config::run(command, vault.settings_args(), ui),
            Self::Agent(args) => agent::run(args, vault.settings()?, ui.messages),
            Self::Doctor(args) => doctor::run(args, vault, ui),
            Self::Trust(args) => trust::run(args, vault.settings()?, ui),
            Self::Completions(args) => completions::run(args, program(), &ui.output),
            Self::Man(args) => man::run(args, program(), &ui.output),
        }
    }
}
