//! `org rotate`: replaces the org key.

use std::io::{self, IsTerminal};

use helvetisafe::organization::{Anchor, NewOrgKey, Rotated, RotationProgress};
use helvetisafe::{Fingerprint, Scope};
use serde::Serialize;

use super::rotation_file::{RotationFile, Stored};
use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::{Administration, Trust, Vault, administrator};
use crate::ui::progress::Progress;
use crate::ui::{Ui, prompt};

const EXAMPLES: &str = "\
Examples:
  helvetisafe org rotate
  helvetisafe org rotate --yes --json
  helvetisafe org rotate --abandon";

/// Replace the org key, which a former member may know.
///
/// Every secret is encrypted again under a new key, which is made here and wrapped for each member of the signed chain. Until
/// the end nothing changes for others, and what they write meanwhile is taken over. The new key is stored first, wrapped for
/// the own account, in the folder of the trust memory: after an interruption the same command goes on. On a terminal it asks
/// first; without one it needs --yes.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Give up a rotation that is not complete, also that of another administrator. The org key stays.
    #[arg(long)]
    abandon: bool,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json {
    action: &'static str,
    rotation: String,
    key_epoch: Option<u64>,
    org_key_fingerprint: Option<String>,
}

pub(super) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let administration = Administration::following(
        vault,
        &[
            Scope::CredentialsRead,
            Scope::OrganizationRead,
            Scope::OrganizationWrite,
        ],
    )?;
    let account = administration.call(|organization| organization.account())?;
    let (settings, own) = (vault.settings()?, account.account);
    let file = RotationFile::lock(account.organization, settings.insecure_permissions)?;
    let stored = file.load()?;
    if args.abandon {
        return abandon(args, &administration, &file, stored, ui);
    }
    let key = administration.signing_key()?;
    let chain = administration.chain()?;
    if stored.is_none() && !args.yes {
        let members = chain.members().len();
        ask(
            format_args!("replace the org key of the organization (members: {members})?"),
            "the org key was not replaced",
            ui,
        )?;
    }
    let new = match stored {
        Some(stored) => resumed(&administration, &stored, &own)?,
        None => stored_new(&administration, &file, own.clone())?,
    };
    let anchor = Anchor::Head(*chain.head());
    let by = administrator(&key, &anchor);
    let rotated = administration.call(|it| it.rotate(&by, &new, shown(ui)));
    let rotated = rotated.map_err(|failure| match failure.status() == Status::Conflict as u8 {
        true => blocked(&administration, &own, failure),
        false => failure,
    })?;
    let fingerprint = new.key.fingerprint();
    Trust::load_all(settings)?.replace(Some(fingerprint))?;
    administration.saw(&chain, rotated.head)?;
    file.remove()?;
    report(&new, rotated, fingerprint, ui)
}

/// Explains a conflict: another administrator replaces the org key now, or a rotation was interrupted.
fn blocked(administration: &Administration<'_>, own: &str, failure: Failure) -> Failure {
    let abandon = advice::command("org rotate --abandon");
    let present = administration.call(|organization| organization.rotation());
    match present.ok().flatten().filter(|it| it.started_by != own) {
        Some(other) => Failure::new(
            Status::Conflict,
            format_args!(
                "another administrator is replacing the org key: the account {} began at {}; wait until it is done, then run this \
                 command again if the key is to be replaced once more; {abandon} gives up a rotation that was interrupted",
                other.started_by, other.created_at
            ),
        ),
        None => failure.with_advice(&format!("{abandon} gives the interrupted rotation up")),
    }
}

/// Unwraps the key of an interrupted command.
fn resumed(
    administration: &Administration<'_>,
    stored: &Stored,
    account: &str,
) -> Result<NewOrgKey, Failure> {
    if stored.account != account {
        return Err(Failure::new(
            Status::Conflict,
            format_args!(
                "the account {} began a rotation here, and alone can resume it; {} gives it up",
                stored.account,
                advice::command("org rotate --abandon")
            ),
        ));
    }
    administration.call(|it| it.unwrap_new_key(stored.id, &stored.wrapped_org_key))
}

/// Makes a new key, and stores it.
fn stored_new(
    administration: &Administration<'_>,
    file: &RotationFile,
    account: String,
) -> Result<NewOrgKey, Failure> {
    let new = NewOrgKey::generate()?;
    let wrapped = administration.call(|it| it.wrap_new_key(&new))?;
    let fingerprint = new.key.fingerprint().to_string();
    file.save(&Stored::new(new.id, account, fingerprint, wrapped))?;
    Ok(new)
}

/// Returns what shows the progress on a terminal.
fn shown(ui: &Ui) -> impl FnMut(RotationProgress) {
    let mut bar: Option<(Progress, u64)> = None;
    let messages = ui.messages;
    move |now| {
        let (bar, shown) = bar.get_or_insert_with(|| {
            let length = now.staged.saturating_add(now.remaining);
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            (Progress::new(length, messages), 0)
        });
        while *shown < now.staged {
            bar.advance();
            *shown += 1;
        }
    }
}

fn abandon(
    args: &Args,
    administration: &Administration<'_>,
    file: &RotationFile,
    stored: Option<Stored>,
    ui: &Ui,
) -> Result<(), Failure> {
    let present = administration.call(|organization| organization.rotation())?;
    let id = present.as_ref().map(|it| it.id);
    let Some(given_up) = id.or(stored.as_ref().map(|it| it.id)) else {
        return Err(Failure::new(
            Status::NotFound,
            "no rotation is in progress, and none was interrupted here",
        ));
    };
    let used = administration.org_key_fingerprint().to_string();
    if stored.as_ref().is_some_and(|it| it.fingerprint == used) {
        return Err(Failure::new(
            Status::Conflict,
            format_args!(
                "the rotation is complete in the vault; {} completes it here",
                advice::command("org rotate")
            ),
        ));
    }
    if !args.yes {
        let by = present.map_or_else(String::new, |it| format!(" of {}", it.started_by));
        ask(
            format_args!("give up the rotation {given_up}{by}?"),
            "nothing was given up",
            ui,
        )?;
    }
    if let Some(id) = id {
        administration.call(|organization| organization.abandon_rotation(id))?;
    }
    file.remove()?;
    if ui.json {
        return ui.output.json(&Json {
            action: "abandoned",
            rotation: given_up.to_string(),
            key_epoch: None,
            org_key_fingerprint: None,
        });
    }
    ui.messages.done(format_args!(
        "abandoned the rotation {given_up}; the org key stays"
    ));
    Ok(())
}

fn ask(question: impl std::fmt::Display, outcome: &str, ui: &Ui) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(
            "cannot confirm a rotation without a terminal; give --yes",
        ));
    }
    prompt::require(question, outcome, ui.messages)
}

fn report(
    new: &NewOrgKey,
    rotated: Rotated,
    fingerprint: Fingerprint,
    ui: &Ui,
) -> Result<(), Failure> {
    if ui.json {
        ui.output.json(&Json {
            action: "rotated",
            rotation: new.id.to_string(),
            key_epoch: Some(rotated.key_epoch),
            org_key_fingerprint: Some(fingerprint.to_string()),
        })?;
    }
    ui.messages.done(format_args!(
        "replaced the org key: it is {fingerprint}, with the number {}",
        rotated.key_epoch
    ));
    ui.messages.note(format_args!(
        "next: the members' commands follow the signed chain by themselves; change the fingerprint to {fingerprint} where it is \
         configured; restart programs that do not follow the chain; and replace the values that a former member could read"
    ));
    Ok(())
}
