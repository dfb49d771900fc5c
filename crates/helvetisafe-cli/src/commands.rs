//! The commands, one file or folder each.

mod account;
mod account_folder;
mod agent;
mod audit;
mod check;
mod complete;
mod completions;
mod config;
mod content;
mod copy;
mod deferred;
mod delete;
mod doctor;
mod edit;
mod env_file;
mod exchange;
mod export;
mod field;
mod get;
mod import;
mod init;
mod inject;
mod internal;
mod join;
mod kubernetes;
mod launch;
mod list;
mod man;
mod member_name;
mod organization;
mod reach;
mod reference;
mod reference_file;
mod replacement;
mod rotate;
pub(crate) mod run;
mod selection;
#[cfg(feature = "kubernetes")]
mod sync;
#[cfg(not(feature = "kubernetes"))]
mod sync_left_out;
mod token;
mod trust;
mod write;

use std::time::Duration;

use clap::Subcommand;

use helvetisafe::Timeouts;

use crate::failure::Failure;
use crate::session::Vault;
use crate::ui::Ui;
use deferred::Deferred;
#[cfg(not(feature = "kubernetes"))]
use sync_left_out as sync;

/// The command to run. The help of each is the doc comment of its `Args`, or stands here if commands share
/// their arguments. A start builds the arguments of one command alone: see [`Deferred`].
#[derive(Subcommand)]
pub(crate) enum Command {
    #[command(visible_aliases = ["cat", "read"])]
    Get(Deferred<get::Args>),
    /// Create a secret, or update it if it exists.
    ///
    /// The value is read from standard input if that is piped, byte for byte. On a terminal a hidden prompt
    /// asks for it twice. It is never an argument, since every user can see arguments.
    #[command(after_help = write::SET_EXAMPLES)]
    Set(Deferred<write::ReplaceArgs>),
    /// Create a secret; fail with status 6 if it exists.
    ///
    /// The value is read as by `set`.
    #[command(after_help = write::CREATE_EXAMPLES)]
    Create(Deferred<write::Args>),
    /// Update a secret; fail with status 5 if it does not exist.
    ///
    /// The value is read as by `set`. Without an option for it the expiry stays.
    #[command(after_help = write::UPDATE_EXAMPLES)]
    Update(Deferred<write::ReplaceArgs>),
    Edit(Deferred<edit::Args>),
    Rotate(Deferred<rotate::Args>),
    #[command(visible_alias = "ls")]
    List(Deferred<list::Args>),
    #[command(visible_alias = "rm")]
    Delete(Deferred<delete::Args>),
    /// Copy a secret: it is decrypted and encrypted again under the new name.
    ///
    /// The value, all fields and the expiry stay as they are. The new secret is read back and compared.
    #[command(after_help = copy::COPY_EXAMPLES, visible_alias = "cp")]
    Copy(Deferred<copy::Args>),
    /// Rename a secret: it is decrypted, encrypted again under the new name, and then deleted.
    ///
    /// The value, all fields and the expiry stay as they are. The old secret is deleted only after the new
    /// one was read back and compared; if anything fails, it stays.
    #[command(after_help = copy::MOVE_EXAMPLES, visible_aliases = ["mv", "rename"])]
    Move(Deferred<copy::Args>),
    Import(Deferred<import::Args>),
    Inject(Deferred<inject::Args>),
    Run(Deferred<run::Args>),
    Export(Deferred<export::Args>),
    Check(Deferred<check::Args>),
    Init(Deferred<init::Args>),
    #[command(subcommand)]
    Config(Deferred<config::Command>),
    Sync(Deferred<sync::Args>),
    Agent(Deferred<agent::Args>),
    Doctor(Deferred<doctor::Args>),
    Trust(Deferred<trust::Args>),
    #[command(subcommand)]
    Org(Deferred<organization::Command>),
    Join(Deferred<join::Args>),
    #[command(subcommand)]
    Account(Deferred<account::Command>),
    #[command(subcommand)]
    Token(Deferred<token::Command>),
    Audit(Deferred<audit::Args>),
    Completions(Deferred<completions::Args>),
    Man(Deferred<man::Args>),
    #[command(subcommand, hide = true)]
    Internal(Deferred<internal::Command>),
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

    /// Returns true if its option `--scopes` is not the setting.
    pub(crate) fn has_own_scopes(&self) -> bool {
        matches!(
            self,
            Self::Org(Deferred(organization::Command::Invite(_)))
                | Self::Token(Deferred(token::Command::Create(_)))
        )
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
            Self::Set(args) => write::set(args, vault, ui),
            Self::Create(args) => write::create(args, vault, ui),
            Self::Update(args) => write::update(args, vault, ui),
            Self::Edit(args) => edit::run(args, vault, ui),
            Self::Rotate(args) => rotate::run(args, vault, ui),
            Self::List(args) => list::run(args, vault, ui),
            Self::Delete(args) => delete::run(args, vault, ui),
            Self::Copy(args) => copy::run_copy(args, vault, ui),
            Self::Move(args) => copy::run_move(args, vault, ui),
            Self::Import(args) => import::run(args, vault, ui),
            Self::Inject(args) => inject::run(args, vault, ui),
            Self::Run(args) => run::run(args, vault),
            Self::Export(args) => export::run(args, vault, ui),
            Self::Check(args) => check::run(args, vault, ui),
            Self::Init(args) => init::run(args, vault, ui),
            Self::Config(command) => config::run(command, vault.settings_args(), ui),
            Self::Sync(args) => sync::run(args, vault, ui),
            Self::Agent(args) => agent::run(args, vault),
            Self::Doctor(args) => doctor::run(args, vault, ui),
            Self::Trust(args) => trust::run(args, vault, ui),
            Self::Org(command) => organization::run(command, vault, ui),
            Self::Join(args) => join::run(args, vault.settings_args(), ui),
            Self::Account(command) => account::run(command, vault, ui),
            Self::Token(command) => token::run(command, vault, ui),
            Self::Audit(args) => audit::run(args, vault, ui),
            Self::Completions(args) => completions::run(args, program(), &ui.output),
            Self::Man(args) => man::run(args, program(), &ui.output),
            Self::Internal(command) => internal::run(command, program(), &ui.output),
        }
    }
}
