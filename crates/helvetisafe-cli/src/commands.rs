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
#[cfg(not(feature = "kubernetes"))]
use sync_left_out as sync;

/// The command to run. The help of each is the doc comment of its `Args`, or stands here if commands share
/// their arguments.
#[derive(Subcommand)]
pub(crate) enum Command {
    #[command(visible_aliases = ["cat", "read"])]
    Get(get::Args),
    /// Create a secret, or update it if it exists.
    ///
    /// The value is read from standard input if that is piped, byte for byte. On a terminal a hidden prompt
    /// asks for it twice. It is never an argument, since every user can see arguments.
    #[command(after_help = write::SET_EXAMPLES)]
    Set(write::ReplaceArgs),
    /// Create a secret; fail with status 6 if it exists.
    ///
    /// The value is read as by `set`.
    #[command(after_help = write::CREATE_EXAMPLES)]
    Create(write::Args),
    /// Update a secret; fail with status 5 if it does not exist.
    ///
    /// The value is read as by `set`. Without an option for it the expiry stays.
    #[command(after_help = write::UPDATE_EXAMPLES)]
    Update(write::ReplaceArgs),
    Edit(edit::Args),
    Rotate(rotate::Args),
    #[command(visible_alias = "ls")]
    List(list::Args),
    #[command(visible_alias = "rm")]
    Delete(delete::Args),
    /// Copy a secret: it is decrypted and encrypted again under the new name.
    ///
    /// The value, all fields and the expiry stay as they are. The new secret is read back and compared.
    #[command(after_help = copy::COPY_EXAMPLES, visible_alias = "cp")]
    Copy(copy::Args),
    /// Rename a secret: it is decrypted, encrypted again under the new name, and then deleted.
    ///
    /// The value, all fields and the expiry stay as they are. The old secret is deleted only after the new
    /// one was read back and compared; if anything fails, it stays.
    #[command(after_help = copy::MOVE_EXAMPLES, visible_aliases = ["mv", "rename"])]
    Move(copy::Args),
    Import(import::Args),
    Inject(inject::Args),
    Run(run::Args),
    Export(export::Args),
    Check(check::Args),
    Init(init::Args),
    #[command(subcommand)]
    Config(config::Command),
    Sync(sync::Args),
    Agent(agent::Args),
    Doctor(doctor::Args),
    Trust(trust::Args),
    #[command(subcommand)]
    Org(organization::Command),
    Join(join::Args),
    #[command(subcommand)]
    Account(account::Command),
    #[command(subcommand)]
    Token(token::Command),
    Audit(audit::Args),
    Completions(completions::Args),
    Man(man::Args),
    #[command(subcommand, hide = true)]
    Internal(internal::Command),
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
            Self::Org(organization::Command::Invite(_)) | Self::Token(token::Command::Create(_))
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
