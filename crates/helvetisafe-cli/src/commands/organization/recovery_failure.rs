//! The failures of `org recovery-kit` after its keys were made. No person belongs to the new account, so there is
//! no one to ask.

use helvetisafe::{Error, ErrorCode, ErrorKind};

use crate::advice;
use crate::commands::account_folder::{AccountFolder, Plan};
use crate::failure::{Failure, Status};
use crate::session::Administration;

/// Explains why the account was not made, or not confirmed.
pub(super) fn of_enrolment(
    error: Error,
    administration: &Administration<'_>,
    plan: &Plan,
    folder: &AccountFolder,
) -> Failure {
    let is_gone =
        error.code() == Some(ErrorCode::InvalidInvitation) || error.kind() == ErrorKind::NotFound;
    let keys = format!("the keys are in {}", folder.path().display());
    match error.kind() {
        ErrorKind::Crypto => {
            let withdraw = advice::command_about("org withdraw", &plan.name);
            administration.explained(error).with_advice(&format!(
                "{keys}: to give up, delete that folder, and withdraw the invitation with {withdraw}, if {} lists it",
                advice::command("org pending")
            ))
        }
        // It was accepted a moment ago.
        _ if is_gone => Failure::new(
            Status::NotFound,
            format_args!(
                "{}; the vault does not have the invitation of the new account: it was withdrawn meanwhile, or the vault did not \
                 store it; {keys}: run the command again to continue with them, and if it fails again, ask the vault's operator",
                error.without_advice()
            ),
        ),
        _ => administration.explained(error).with_advice(&format!(
            "{keys}; run the command again to continue with them"
        )),
    }
}

/// Explains why the new account cannot use the vault. It is not the account of the profile.
pub(super) fn of_login(failure: Failure, plan: &Plan, folder: &AccountFolder) -> Failure {
    let (name, folder) = (&plan.name, folder.path().display());
    let refused = format!(
        "this was the login of the account `{name}`, whose keys are in {folder}: the vault has answered that it is confirmed, and \
         does not accept it; {} shows if the signed chain has it; ask the vault's operator before you rely on this kit",
        advice::command("org members")
    );
    let is_refused = failure.is_credential_refused();
    let failure = failure.with_causes_of_refusal(|| Some(refused));
    if is_refused {
        return failure;
    }
    let again = match failure.status() == Status::Crypto as u8 {
        true => "",
        false => ": run the command again to repeat it",
    };
    failure.with_advice(&format!(
        "this was the test of the account `{name}`, whose keys are in {folder}{again}"
    ))
}
