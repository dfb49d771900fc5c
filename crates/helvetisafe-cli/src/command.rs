//! The commands, one file each, and the table that leads to them.

mod agent;
mod completions;
mod config;
mod copy;
mod create;
mod delete;
mod doctor;
mod export;
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

use crate::context::Context;
use crate::failure::Failure;

/// What to do. The help of each command is the doc comment of its `Args`.
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
    /// The time for all work with the vault where none is set. `None` where there may be thousands
    /// of writes, which have a time of their own each.
    pub(crate) fn usual_time(&self) -> Option<Duration> {
        match self {
            Self::Import(_) | Self::Delete(_) => None,
            _ => Some(Timeouts::default().operation),
        }
    }

    pub(crate) fn run(&self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Get(args) => get::run(args, context),
            Self::Set(args) => set::run(args, context),
            Self::Create(args) => create::run(args, context),
            Self::Update(args) => update::run(args, context),
            Self::List(args) => list::run(args, context),
            Self::Delete(args) => delete::run(args, context),
            Self::Copy(args) => copy::run(args, context),
            Self::Move(args) => move_secret::run(args, context),
            Self::Import(args) => import::run(args, context),
            Self::Inject(args) => inject::run(args, context),
            Self::Run(args) => run::run(args, context),
            Self::Export(args) => export::run(args, context),
            Self::Config(command) => config::run(command, context),
            Self::Agent(args) => agent::run(args, context),
            Self::Doctor(args) => doctor::run(args, context),
            Self::Trust(args) => trust::run(args, context),
            Self::Completions(args) => completions::run(args, context),
            Self::Man(args) => man::run(args, context),
        }
    }
}
