//! `org`: the administration of an organization.

mod abandoned_rotation;
mod confirm;
mod confirmed_member;
mod create;
mod create_report;
mod disable;
mod free_name;
mod interrupted_rotation;
mod invite;
mod members;
mod pending;
mod recovery_failure;
mod recovery_kit;
mod recovery_readme;
mod recovery_report;
mod request_report;
mod rotate;
mod rotation_conflict;
mod rotation_dry_run;
mod rotation_file;
mod rotation_report;
mod rotation_step;
mod running_rotation;
mod withdraw;

use clap::Subcommand;

use crate::failure::Failure;
use crate::session::Vault;
use crate::ui::Ui;
pub(super) use rotate::SCOPES as ROTATION;

/// Found and administer an organization whose vault has no key.
///
/// All keys are made on this machine, and the vault gets only what opens nothing. Each change is an entry of a signed chain,
/// which every command verifies from the part that is remembered, so the vault can neither invent a member nor hide
/// that one was disabled. The commands need the scopes for administration, which only they request.
#[derive(Subcommand)]
pub(crate) enum Command {
    Create(create::Args),
    Invite(invite::Args),
    Pending(pending::Args),
    Confirm(confirm::Args),
    Withdraw(withdraw::Args),
    Members(members::Args),
    Disable(disable::Args),
    Rotate(rotate::Args),
    RecoveryKit(recovery_kit::Args),
}

pub(crate) fn run(command: &Command, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create::run(args, vault.settings_args(), ui),
        Command::Invite(args) => invite::run(args, vault, ui),
        Command::Pending(_) => pending::run(vault, ui),
        Command::Confirm(args) => confirm::run(args, vault, ui),
        Command::Withdraw(args) => withdraw::run(args, vault, ui),
        Command::Members(_) => members::run(vault, ui),
        Command::Disable(args) => disable::run(args, vault, ui),
        Command::Rotate(args) => rotate::run(args, vault, ui),
        Command::RecoveryKit(args) => recovery_kit::run(args, vault, ui),
    }
}
