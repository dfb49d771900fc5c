//! `org rotate`: replaces the org key.

use helvetisafe::Scope;
use helvetisafe::organization::{
    Anchor, Chain, NewOrgKey, RotationProgress, RotationStep, SigningKey,
};

use super::interrupted_rotation::{Interrupted, State};
use super::rotation_file::{RotationFile, Stored};
use super::rotation_report::{Replaced, ask};
use super::rotation_step::Reached;
use super::{
    abandoned_rotation, interrupted_rotation, rotation_conflict, rotation_dry_run, running_rotation,
};
use crate::advice;
use crate::failure::Failure;
use crate::session::{Administration, CHANGE, NumberedKey, Trust, Vault, administrator};
use crate::ui::Ui;
use crate::ui::progress::Progress;

/// The scopes of a rotation, which reads every secret to seal it again.
pub(in crate::commands) const SCOPES: [Scope; 4] = [
    Scope::SecretsRead,
    Scope::CredentialsRead,
    Scope::OrganizationRead,
    Scope::OrganizationWrite,
];

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
    /// done. That includes a rotation that was interrupted here, and the number of secrets if the account may list them. Nothing is
    /// changed.
    #[arg(long)]
    dry_run: bool,
}

/// The parts of one run.
struct Run<'a> {
    administration: Administration<'a>,
    file: RotationFile,
    progress: Progress,
    /// The client id of this account.
    own: String,
    ui: &'a Ui,
}

pub(super) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let (failed, needed) = match args.abandon {
        true => ("cannot abandon the rotation", &CHANGE[..]),
        false => ("cannot replace the org key", &SCOPES[..]),
    };
    Administration::refuse_api_token(vault, failed, needed)?;
    let settings = vault.settings()?;
    settings.read_secrets()?;
    let progress = Progress::of_change(ui.messages);
    let optional: &[Scope] = match args.dry_run {
        true => &[Scope::SecretsList],
        false => &[],
    };
    let administration = Administration::following(vault, failed, needed, optional)
        .map_err(|failure| interrupted_rotation::explain_configured(failure, settings))?;
    let account = administration.account()?.clone();
    let file = RotationFile::new(account.organization, settings.insecure_permissions)?;
    let Some(lock) = file.lock()? else {
        return Err(running_rotation::failure(
            &administration,
            &file,
            &account.account,
            !args.abandon,
        ));
    };
    // A dry run does not exclude a rotation.
    let _lock = (!args.dry_run).then_some(lock);
    if args.abandon {
        let options = abandoned_rotation::Options {
            yes: args.yes,
            dry_run: args.dry_run,
        };
        return abandoned_rotation::run(&options, &administration, &file, &progress, ui);
    }
    let run = Run {
        administration,
        file,
        progress,
        own: account.account,
        ui,
    };
    let (key, chain) = run.administration.chain_to_sign()?;
    let interrupted = run.interrupted(&chain)?;
    if args.dry_run {
        let by = (&key, run.own.as_str());
        return rotation_dry_run::explain(
            &run.administration,
            by,
            &chain,
            interrupted.as_ref(),
            ui,
        );
    }
    let found = interrupted.as_ref().map(Interrupted::name);
    let (stored, new) = match interrupted {
        Some(it) if it.state == State::Incomplete => run.resumed(it.stored, &chain)?,
        Some(it) if it.is_complete_for(&run.own) => return run.complete(&it, &chain, vault),
        over => run.stored_new(args, over.as_ref(), &chain)?,
    };
    run.rotate((stored, new), &key, &chain, found, vault)
}

impl Run<'_> {
    /// Returns the rotation that was interrupted here.
    fn interrupted(&self, chain: &Chain) -> Result<Option<Interrupted>, Failure> {
        let Some(stored) = self.file.load()? else {
            return Ok(None);
        };
        let present = self
            .administration
            .call(|organization| organization.rotation())?;
        Ok(Some(Interrupted::new(stored, chain, present.as_ref())))
    }

    /// Unwraps the key of an interrupted command.
    fn resumed(&self, mut stored: Stored, chain: &Chain) -> Result<(Stored, NewOrgKey), Failure> {
        rotation_conflict::check_stored(&stored, chain, &self.own)?;
        self.progress.if_interrupted(continues());
        let mut new = self
            .administration
            .call(|it| it.unwrap_new_key(stored.id, &stored.wrapped_org_key))?;
        stored.resume(chain);
        new.made_at = stored.made_at;
        self.progress
            .uninterrupted(continues(), || self.file.save(&stored))?;
        Ok((stored, new))
    }

    /// Asks, makes a new key, and stores it in place of one that is over.
    fn stored_new(
        &self,
        args: &Args,
        over: Option<&Interrupted>,
        chain: &Chain,
    ) -> Result<(Stored, NewOrgKey), Failure> {
        if let Some(over) = over {
            self.ui.messages.note(format_args!(
                "{}; a new rotation is needed for another org key",
                over.describe()
            ));
        }
        if !args.yes {
            let members = chain.members().len();
            ask(
                format_args!("replace the org key of the organization (members: {members})?"),
                "the org key was not replaced",
                self.ui,
            )?;
        }
        if let Some(over) = over {
            abandoned_rotation::give_up(over, &self.administration, &self.progress, &self.own)?;
        }
        let new = NewOrgKey::generate()?;
        let wrapped = self.administration.call(|it| it.wrap_new_key(&new))?;
        let stored = Stored::new(&new, self.own.clone(), wrapped, chain);
        self.progress
            .uninterrupted(continues(), || self.file.save(&stored))?;
        Ok((stored, new))
    }

    fn rotate(
        &self,
        (mut stored, new): (Stored, NewOrgKey),
        key: &SigningKey,
        chain: &Chain,
        interrupted: Option<&'static str>,
        vault: &Vault,
    ) -> Result<(), Failure> {
        let anchor = Anchor::Head(*chain.head());
        let by = administrator(key, &anchor);
        let mut is_committing = false;
        let shown = |now: RotationProgress| {
            is_committing = now.step == RotationStep::Committing;
            self.show(now, &mut stored);
        };
        let rotated = self
            .administration
            .attempt(|it| it.rotate(&by, &new, shown))?;
        let rotated = rotated.map_err(|error| {
            self.progress.hide();
            let reached = Reached::new(stored.is_begun, is_committing);
            let advice = reached.advice(chain.fingerprint());
            rotation_conflict::explained(
                error,
                &self.administration,
                &self.file,
                &self.own,
                &advice,
            )
        })?;
        let fingerprint = new.key.fingerprint();
        let replaced = Replaced {
            rotation: new.id.to_string(),
            account: self.own.clone(),
            key_epoch: rotated.key_epoch,
            fingerprint,
        };
        let unfinished = format!(
            "the rotation is committed: the org key is {fingerprint}, with the number {}; run {} again, which completes it on this \
             machine",
            rotated.key_epoch,
            again()
        );
        // A signal waits for the end of the work on this machine.
        self.progress.if_unanswered(unfinished.as_str());
        let count = self.progress.hide();
        let forget = || {
            let key = NumberedKey {
                fingerprint,
                epoch: Some(rotated.key_epoch),
            };
            Trust::load_all(vault.settings()?)?.replace(Some(key))?;
            self.administration.saw(chain, rotated.head)?;
            self.file.remove()
        };
        self.progress
            .uninterrupted(replaced.if_interrupted(), forget)
            .map_err(|failure| failure.with_advice(&unfinished))?;
        replaced.report(interrupted, count, self.ui)
    }

    /// Shows the progress, and sets the message of a signal.
    fn show(&self, now: RotationProgress, stored: &mut Stored) {
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let length = now.staged.saturating_add(now.remaining);
        self.progress.set(number(now.staged), number(length));
        match now.step {
            RotationStep::Begun if !stored.is_begun => {
                stored.is_begun = true;
                // If it fails, the next run finds the rotation in the vault.
                let _ = self.file.save(stored);
            }
            RotationStep::Committing => self.progress.if_unanswered(format!(
                "the commit was sent, and its outcome is not known: run {} again, which completes the rotation with the same new \
                 key; {} shows its state",
                again(),
                advice::command("org rotate --dry-run")
            )),
            _ => self.progress.if_interrupted(continues()),
        }
    }

    /// Completes a rotation of this account whose commit the interrupted command did not see.
    fn complete(&self, it: &Interrupted, chain: &Chain, vault: &Vault) -> Result<(), Failure> {
        let present = Replaced::present(it, chain);
        self.progress.uninterrupted(present.if_interrupted(), || {
            let key = NumberedKey::of_chain(chain);
            Trust::load_all(vault.settings()?)?.replace(Some(key))?;
            self.file.remove()
        })?;
        present.report_complete(it, self.ui)
    }
}

fn again() -> String {
    advice::command("org rotate")
}

/// Returns the message of a signal before the commit.
fn continues() -> String {
    format!(
        "the org key was not replaced; run {} again: it continues with the same new key; {} gives up the rotation",
        again(),
        advice::command("org rotate --abandon")
    )
}
