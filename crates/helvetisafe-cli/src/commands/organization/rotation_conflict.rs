//! The failures of a rotation, in the words of its user: other rotations, changes of others, and lost answers.

use helvetisafe::organization::{Chain, RotationState};
use helvetisafe::{Error, ErrorCode, ErrorKind, Timestamp};

use super::interrupted_rotation::{Interrupted, State};
use super::rotation_file::{RotationFile, Stored};
use super::rotation_step;
use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::{Administration, account_id};

/// Explains why a rotation failed that is stored in this file. `state` says how far it is, and what to do.
pub(super) fn explained(
    error: Error,
    administration: &Administration<'_>,
    file: &RotationFile,
    own: &str,
    state: &str,
) -> Failure {
    let code = error.code();
    if let Some(first) = error.unopened_keys().first() {
        let advice = unopened(first.as_str());
        return Failure::new(Status::Crypto, error.without_advice()).with_advice(&advice);
    }
    match (error.kind(), code) {
        (ErrorKind::Ambiguous, _) => {
            Failure::new(Status::NoAnswer, error.without_advice()).with_advice(&continues())
        }
        (
            _,
            Some(ErrorCode::SecretsUnstaged | ErrorCode::MembersChanged | ErrorCode::ChainMoved),
        ) => overtaken(),
        // The client itself has counted the attempts.
        (ErrorKind::Changed, None) if error.status().is_none() => overtaken(),
        // A conflict without a code: the chain has had the key, or a member who may know it was disabled.
        (ErrorKind::Conflict | ErrorKind::Changed, _) | (_, Some(ErrorCode::RecordNotFound)) => {
            ended(code, administration, file, own)
                .unwrap_or_else(|failure| failure.with_advice(&continues()))
        }
        _ => rotation_step::refused(error, administration, state).unwrap_or_else(|error| {
            let failure = administration.explained(error);
            match failure.status() == Status::NoAnswer as u8 {
                true => failure.with_advice(&continues()),
                false => failure,
            }
        }),
    }
}

/// Returns the commands about a secret that does not open.
fn unopened(key: &str) -> String {
    format!(
        "for each, such as `{key}`, {} writes it again, which drops its fields, since they cannot be read, and {} deletes it; \
         then run {} again",
        advice::command_about("set --drop-fields", key),
        advice::command_about("delete", key),
        again()
    )
}

fn overtaken() -> Failure {
    Failure::new(
        Status::Conflict,
        format_args!(
            "cannot replace the org key: the vault refused each of ten attempts to commit, and gave as the reason that secrets, \
             members or invitations had changed; the org key was not replaced; if others change them now, run {} again, which \
             continues, when they change less; otherwise the vault, or a proxy, sends wrong answers: ask the vault's operator",
            again()
        ),
    )
}

/// Explains the end of a rotation, which is that of another one or that of this one.
fn ended(
    code: Option<ErrorCode>,
    administration: &Administration<'_>,
    file: &RotationFile,
    own: &str,
) -> Result<Failure, Failure> {
    let chain = administration.chain()?;
    let present = administration.call(|organization| organization.rotation())?;
    let Some(stored) = file.load()? else {
        return Ok(begin_again("the rotation has ended"));
    };
    let other = present
        .as_ref()
        .filter(|it| it.id != stored.id || it.started_by != own);
    let interrupted = Interrupted::new(stored, &chain, present.as_ref());
    Ok(match (interrupted.state, other) {
        (State::Committed { .. }, _) => Failure::new(
            Status::Conflict,
            format_args!(
                "another command has completed the rotation meanwhile: {}; run {} again, which completes it on this machine",
                interrupted.describe(),
                again()
            ),
        ),
        (_, Some(other)) => in_progress(other, &chain, own),
        // The vault has ended it, and the chain does not have its key, which is of no use then.
        (State::Incomplete, None)
            if matches!(code, Some(ErrorCode::IdTaken | ErrorCode::RecordNotFound)) =>
        {
            file.remove()?;
            let state = State::Abandoned;
            begin_again(
                &Interrupted {
                    state,
                    ..interrupted
                }
                .describe(),
            )
        }
        (State::Incomplete, None) => Failure::new(
            Status::Conflict,
            format_args!(
                "another rotation came in between: the org key now has the number {}; run {} again to replace it once more",
                chain.epoch(),
                again()
            ),
        ),
        _ => begin_again(&interrupted.describe()),
    })
}

fn begin_again(why: &str) -> Failure {
    let again = again();
    Failure::new(
        Status::Conflict,
        format_args!("{why}; run {again} again, which begins a new rotation"),
    )
}

/// Fails as the vault would refuse to begin a rotation. The stored one is resumed or given up, so it does not count.
pub(super) fn check_free(
    present: Option<&RotationState>,
    stored: Option<&Stored>,
    chain: &Chain,
    own: &str,
) -> Result<(), Failure> {
    let is_own =
        |it: &RotationState| it.started_by == own && stored.is_some_and(|own| own.id == it.id);
    // The vault lets another rotation replace one that was not continued in time.
    let excludes = |it: &&RotationState| !is_own(it) && it.lease_until > Timestamp::now();
    match present.filter(excludes) {
        Some(other) => Err(in_progress(other, chain, own)),
        None => Ok(()),
    }
}

/// Fails if another account began the rotation that is stored on this machine.
pub(super) fn check_stored(stored: &Stored, chain: &Chain, own: &str) -> Result<(), Failure> {
    if stored.account == own {
        return Ok(());
    }
    Err(Failure::new(
        Status::Conflict,
        format_args!(
            "{} began a rotation here, and only that account can resume it; {} gives it up",
            named(&stored.account, chain),
            advice::command("org rotate --abandon")
        ),
    ))
}

/// Returns the name of an account in the chain, or its client id.
pub(super) fn named(account: &str, chain: &Chain) -> String {
    let member = chain.members().get(account);
    match member.or_else(|| chain.former_members().get(account)) {
        Some(member) => format!("`{}`", member.name),
        None => format!("the account {}", account_id(account)),
    }
}

pub(super) fn in_progress(present: &RotationState, chain: &Chain, own: &str) -> Failure {
    let abandon = advice::command("org rotate --abandon");
    let (began, lease) = (present.created_at, present.lease_until);
    let message = match present.started_by.as_str() {
        by if by == own => format!(
            "this account began another rotation at {began:.0}, and its new key is not on this machine; continue it where it was \
             begun, or give it up with {abandon}; if it takes no step until {lease:.0}, this command replaces it"
        ),
        by => format!(
            "another administrator, {}, is replacing the org key: the rotation began at {began:.0}, and excludes others until \
             {lease:.0}, or longer, since each of its steps extends that time; wait until it is done, and run this command again if \
             the key must be replaced once more; after that time without a step, this command replaces it; {abandon} gives it up \
             at once",
            named(by, chain)
        ),
    };
    Failure::new(Status::Conflict, message)
}

/// Returns the advice while it is not known how far a rotation is.
fn continues() -> String {
    format!(
        "run {} again, which continues or completes the rotation; {} shows its state",
        again(),
        advice::command("org rotate --dry-run")
    )
}

fn again() -> String {
    advice::command("org rotate")
}
