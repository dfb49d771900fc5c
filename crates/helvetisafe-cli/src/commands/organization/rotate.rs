//! `org rotate`: replaces the org key.

use std::time::Duration;

use helvetisafe::organization::{Anchor, NewOrgKey, Rotated, RotationProgress};
use helvetisafe::{Fingerprint, Scope, Timestamp};

use super::rotation_conflict;
use super::rotation_dry_run as dry_run;
use super::rotation_file::{RotationFile, Stored};
use super::rotation_json::Json;
use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::{Administration, CHANGE, Trust, Vault, administrator};
use crate::ui::progress::Progress;
use crate::ui::{Ui, prompt};

/// The scopes of a rotation, which reads every secret to seal it again.
pub(in crate::commands) const SCOPES: [Scope; 4] = [
    Scope::SecretsRead,
    Scope::CredentialsRead,
    Scope::OrganizationRead,
    Scope::OrganizationWrite,
];

/// The time after which no value under the old key is in the vault: 10 minutes, and a margin for its work and for the clocks.
const OLD_VALUES: Duration = Duration::from_secs(15 * 60);

const EXAMPLES: &str = "\
Examples:
  helvetisafe org rotate
  helvetisafe org rotate --yes --json
  helvetisafe org rotate --abandon";

/// Replace the org key, which a former member may know.
///
/// Every secret is encrypted again under a new key, which is made here and wrapped for each member of the signed chain. Nothing
/// changes for others before the end, and what they write until then is included. The new key is stored first, wrapped for
/// this account, in the folder of the trust memory: after an interruption, such as Ctrl-C, the same command continues. On a
/// terminal it asks first; without one it needs --yes. It needs the client secret: an API token cannot replace the org key.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Give up a rotation that is not complete, also that of another administrator. The org key stays.
    #[arg(long)]
    abandon: bool,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    /// Verify the chain, the members, the open invitations, and that no other rotation is in progress, and print what would be
    /// done, with the number of secrets if the account may list them. Nothing is changed.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let (failed, needed) = match args.abandon {
        true => ("cannot abandon the rotation", &CHANGE[..]),
        false => ("cannot replace the org key", &SCOPES[..]),
    };
    Administration::refuse_api_token(vault, failed)?;
    let optional: &[Scope] = match args.dry_run {
        true => &dry_run::OPTIONAL,
        false => &[],
    };
    let administration = Administration::following(vault, failed, needed, optional)?;
    let account = administration.account()?.clone();
    let settings = vault.settings()?;
    let file = RotationFile::lock(account.organization, settings.insecure_permissions)?;
    let stored = file.load()?;
    if args.abandon {
        return abandon(args, &administration, &file, stored, ui);
    }
    let (key, chain) = administration.chain_to_sign()?;
    if args.dry_run {
        return dry_run::explain(&administration, &key, &chain, &account, stored.as_ref(), ui);
    }
    let own = account.account;
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
    let progress = progress(ui);
    let rotated = administration.call(|it| it.rotate(&by, &new, shown(&progress)));
    let count = progress.finish();
    let rotated = rotated
        .map_err(|failure| rotation_conflict::explained(failure, &administration, new.id, &own))?;
    let fingerprint = new.key.fingerprint();
    Trust::load_all(settings)?.replace(Some(fingerprint))?;
    administration.saw(&chain, rotated.head)?;
    file.remove()?;
    report(&new, rotated, fingerprint, count, ui)
}

/// Unwraps the key of an interrupted command.
fn resumed(
    administration: &Administration<'_>,
    stored: &Stored,
    account: &str,
) -> Result<NewOrgKey, Failure> {
    rotation_conflict::check_stored(stored, account)?;
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

/// Starts to show the progress. After a signal it says how to continue.
fn progress(ui: &Ui) -> Progress {
    let resume = format!(
        "run {} again: it continues with the same new key; {} gives up the rotation",
        advice::command("org rotate"),
        advice::command("org rotate --abandon")
    );
    Progress::of_resumable(resume, ui.messages)
}

/// Returns a callback that shows the numbers of secrets.
fn shown(progress: &Progress) -> impl FnMut(RotationProgress) {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    move |now| {
        let length = now.staged.saturating_add(now.remaining);
        progress.set(number(now.staged), number(length));
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
    if args.dry_run {
        return dry_run::would_abandon(given_up, ui);
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
            rotation: Some(given_up.to_string()),
            key_epoch: None,
            org_key_fingerprint: None,
            dry_run: false,
            figures: None,
        });
    }
    ui.messages.note(format_args!(
        "abandoned the rotation {given_up}; the org key stays"
    ));
    Ok(())
}

fn ask(question: impl std::fmt::Display, outcome: &str, ui: &Ui) -> Result<(), Failure> {
    let refusal = "cannot confirm a rotation without a terminal; give --yes";
    prompt::require_at_terminal(refusal, question, outcome, ui.messages)
}

fn report(
    new: &NewOrgKey,
    rotated: Rotated,
    fingerprint: Fingerprint,
    count: usize,
    ui: &Ui,
) -> Result<(), Failure> {
    if ui.json {
        ui.output.json(&Json {
            action: "rotated",
            rotation: Some(new.id.to_string()),
            key_epoch: Some(rotated.key_epoch),
            org_key_fingerprint: Some(fingerprint.to_string()),
            dry_run: false,
            figures: None,
        })?;
    }
    ui.messages.note(format_args!(
        "replaced the org key: it is {fingerprint}, with the number {}; secrets encrypted again in this run: {count}",
        rotated.key_epoch
    ));
    ui.messages.note(format_args!(
        "next: the members' commands follow the signed chain by themselves; change the fingerprint to {fingerprint} where it is \
         configured; restart programs that do not follow the chain; and replace the values that a former member could read"
    ));
    let gone = Timestamp::now() + OLD_VALUES;
    ui.messages.note(format_args!(
        "next: a backup that was made before {gone:.0} may have the values under the old key: if another person may know that key, \
         make a new backup after that time, and delete the older ones"
    ));
    Ok(())
}
