//! `org rotate --abandon`: gives up a rotation that is not complete.

use helvetisafe::ErrorCode;
use helvetisafe::organization::{Chain, Organization, RotationState};

use super::interrupted_rotation::{Interrupted, State};
use super::rotation_conflict::named;
use super::rotation_file::RotationFile;
use super::rotation_report::{Json, ask};
use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::Administration;
use crate::ui::Ui;
use crate::ui::progress::Progress;

/// A rotation to give up, or one that is over and to be forgotten on this machine.
enum End<'a> {
    InVault(&'a RotationState),
    /// It has not begun in the vault.
    Here(&'a Interrupted),
    Forgotten(&'a Interrupted),
}

/// The options of the command.
pub(super) struct Options {
    pub(super) yes: bool,
    pub(super) dry_run: bool,
}

pub(super) fn run(
    options: &Options,
    administration: &Administration<'_>,
    file: &RotationFile,
    progress: &Progress,
    ui: &Ui,
) -> Result<(), Failure> {
    let chain = administration.chain()?;
    let present = administration.call(|organization| organization.rotation())?;
    let interrupted = file.load()?;
    let interrupted = interrupted.map(|it| Interrupted::new(it, &chain, present.as_ref()));
    let end = end(present.as_ref(), interrupted.as_ref())?;
    let text = end.text(&chain);
    if options.dry_run {
        return report(
            &end,
            interrupted.as_ref(),
            &format!("would {text}"),
            true,
            ui,
        );
    }
    if let (false, Some(question)) = (options.yes, end.question(&chain)) {
        ask(question, "nothing was given up", ui)?;
    }
    if let End::InVault(rotation) = &end {
        let unknown = format!(
            "whether the rotation was given up is not known: {} shows it",
            advice::command("org rotate --dry-run")
        );
        let abandon = |it: Organization<'_>| it.abandon_rotation(rotation.id);
        let abandoned = administration.attempt_change(progress, unknown, abandon)?;
        abandoned.map_err(|error| match error.code() {
            Some(ErrorCode::RecordNotFound) => ended(administration, rotation),
            _ => administration.explained(error),
        })?;
    }
    let forget = || match interrupted.as_ref().is_some_and(|it| end.is_of(it)) {
        true => file.remove(),
        // The new key of another rotation is stored here.
        false => Ok(()),
    };
    progress.uninterrupted(end.done(&chain), forget)?;
    report(&end, interrupted.as_ref(), &end.done(&chain), false, ui)
}

/// Ends a rotation of this account in the vault before a new one replaces it, since its key must not be used. That of another
/// account stays, and excludes the new one.
pub(super) fn give_up(
    over: &Interrupted,
    administration: &Administration<'_>,
    progress: &Progress,
    own: &str,
) -> Result<(), Failure> {
    let stored = &over.stored;
    if !over.is_in_progress || stored.account != own {
        return Ok(());
    }
    progress.if_interrupted(format!(
        "the org key was not replaced; run {} again, which begins a new rotation",
        advice::command("org rotate")
    ));
    let ended = administration.attempt(|it| it.abandon_rotation(stored.id))?;
    match ended {
        Err(error) if error.code() != Some(ErrorCode::RecordNotFound) => {
            Err(administration.explained(error))
        }
        _ => Ok(()),
    }
}

/// Returns the rotation that is to end.
fn end<'a>(
    present: Option<&'a RotationState>,
    interrupted: Option<&'a Interrupted>,
) -> Result<End<'a>, Failure> {
    if let Some(present) = present {
        return Ok(End::InVault(present));
    }
    let Some(interrupted) = interrupted else {
        return Err(Failure::new(
            Status::NotFound,
            "no rotation is in progress, and none was interrupted here",
        ));
    };
    match interrupted.state {
        State::Incomplete | State::Exposed => Ok(End::Here(interrupted)),
        State::Committed { .. } => Err(Failure::new(
            Status::Conflict,
            format_args!(
                "{}, so it cannot be given up; {} completes it on this machine",
                interrupted.describe(),
                advice::command("org rotate")
            ),
        )),
        _ => Ok(End::Forgotten(interrupted)),
    }
}

impl End<'_> {
    /// Returns what is to be done, after "would".
    fn text(&self, chain: &Chain) -> String {
        match self {
            Self::Forgotten(it) => format!("forget it on this machine: {}", it.describe()),
            _ => format!("give up {}; the org key stays", self.rotation(chain)),
        }
    }

    /// Returns what was done.
    fn done(&self, chain: &Chain) -> String {
        match self {
            Self::Forgotten(it) => format!(
                "{}; forgot it on this machine; nothing was changed in the vault",
                it.describe()
            ),
            _ => format!(
                "gave up {}; the org key stays {}, with the number {}",
                self.rotation(chain),
                chain.fingerprint(),
                chain.epoch()
            ),
        }
    }

    /// Returns the question before it. None is needed to forget what is over.
    fn question(&self, chain: &Chain) -> Option<String> {
        match self {
            Self::Forgotten(_) => None,
            _ => Some(format!("give up {}?", self.rotation(chain))),
        }
    }

    fn rotation(&self, chain: &Chain) -> String {
        match self {
            Self::InVault(it) => format!(
                "the rotation of {} ({})",
                named(&it.started_by, chain),
                it.id
            ),
            Self::Here(it) | Self::Forgotten(it) => {
                format!(
                    "the rotation {}, which has not begun in the vault",
                    it.stored.id
                )
            }
        }
    }

    /// Returns true if this is the rotation that is stored on this machine.
    fn is_of(&self, interrupted: &Interrupted) -> bool {
        self.id() == interrupted.stored.id.to_string()
    }

    fn account(&self) -> &str {
        match self {
            Self::InVault(it) => &it.started_by,
            Self::Here(it) | Self::Forgotten(it) => &it.stored.account,
        }
    }

    fn id(&self) -> String {
        match self {
            Self::InVault(it) => it.id.to_string(),
            Self::Here(it) | Self::Forgotten(it) => it.stored.id.to_string(),
        }
    }
}

/// Explains that a rotation has ended meanwhile, as the chain shows.
fn ended(administration: &Administration<'_>, rotation: &RotationState) -> Failure {
    let chain = match administration.chain() {
        Ok(chain) => chain,
        Err(failure) => return failure,
    };
    let by = named(&rotation.started_by, &chain);
    let message = match chain.epoch() >= rotation.to_epoch {
        true => format!(
            "the rotation of {by} was committed meanwhile, so nothing was given up: the org key is {}, with the number {}",
            chain.fingerprint(),
            chain.epoch()
        ),
        false => format!(
            "the rotation of {by} has ended meanwhile without a commit, so nothing was given up; the org key stays"
        ),
    };
    Failure::new(Status::Conflict, message)
}

fn report(
    end: &End<'_>,
    interrupted: Option<&Interrupted>,
    text: &str,
    dry_run: bool,
    ui: &Ui,
) -> Result<(), Failure> {
    if ui.json {
        return ui.output.json(&Json {
            action: match end {
                End::Forgotten(_) => "forgotten",
                _ => "abandoned",
            },
            rotation: Some(end.id()),
            account: Some(end.account()),
            interrupted: interrupted
                .filter(|it| end.is_of(it))
                .map(Interrupted::name),
            key_epoch: None,
            org_key_fingerprint: None,
            dry_run,
            figures: None,
        });
    }
    match dry_run {
        true => ui.output.line(text),
        false => {
            ui.messages.note(text);
            Ok(())
        }
    }
}
