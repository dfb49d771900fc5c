//! `org confirm NAME`: confirms a request to join.

use helvetisafe::organization::{Anchor, Organization, PendingInvitation, Words};
use helvetisafe::{Error, ErrorKind};

use super::confirmed_member;
use super::request_report::Shown;
use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::{Administration, CHANGE, Vault, administrator};
use crate::ui::progress::Progress;
use crate::ui::similar::nearest;
use crate::ui::{Ui, prompt};

const EXAMPLES: &str = "\
Examples:
  helvetisafe org confirm bob
  helvetisafe org confirm ci --yes
  helvetisafe org confirm bob --fingerprint 'abacus abdomen abdominal abide abiding ability ablaze able'";

/// Confirm a request to join: wrap the org key for the new member, and sign that it is one.
///
/// The request is verified with the secret of its invitation code, which the vault does not have. The name, the scopes and the
/// eight words of the public key are shown; the joining person sees the same words. On a terminal it asks first; without one
/// it needs --yes or --fingerprint. If the account is a member already, nothing is changed.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The name of the invitation.
    #[arg(value_name = "NAME")]
    name: String,
    /// The eight words that the person reads out, on another channel than the code. They exclude a thief of the code. It does not
    /// ask then.
    #[arg(long, value_name = "WORDS", num_args = 1..=8)]
    fingerprint: Vec<String>,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    /// Verify the request, and print what would be confirmed. Nothing is changed.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let words = args.words()?;
    vault.settings()?.read_secrets()?;
    let progress = Progress::of_change(ui.messages);
    let administration = Administration::to_write(vault, "cannot confirm the member", &CHANGE)?;
    let (key, chain) = administration.chain_to_sign()?;
    let pending = administration.call(|organization| organization.invitations())?;
    let Some(invitation) = pending.iter().find(|it| it.name == args.name) else {
        let member = confirmed_member::named(&administration, &chain, &args.name)?;
        let member = member.ok_or_else(|| unknown(&pending, &args.name))?;
        return confirmed_member::report(&member, words.as_ref(), args.dry_run, ui);
    };
    let (account, found) = request(invitation)?;
    let shown = Shown {
        name: &invitation.name,
        account,
        scopes: &invitation.scopes,
        words: found,
    };
    shown.show(ui)?;
    if let Some(words) = words.filter(|words| *words != found) {
        return Err(other_words(&args.name, &words, &found));
    }
    let anchor = Anchor::Head(*chain.head());
    let by = administrator(&key, &anchor);
    if args.dry_run {
        let verified = administration.attempt(|it| it.verify_request(&by, invitation))?;
        verified.map_err(|error| explained(error, &administration, invitation))?;
    } else {
        if words.is_none() && !args.yes {
            ask(invitation, ui)?;
        }
        let unknown = format!(
            "whether `{}` is confirmed is not known: {} shows it",
            args.name,
            advice::command("org members")
        );
        // The vault could answer with another invitation or request than the one that was shown.
        let confirm = |it: Organization<'_>| it.confirm(&by, invitation);
        let confirmed = administration.attempt_change(&progress, unknown, confirm)?;
        let confirmed = match confirmed {
            Ok(confirmed) => confirmed,
            Err(error) if confirmed_member::is_new(&error, &administration, &chain, &shown) => {
                progress.finish();
                return confirmed_member::report_meanwhile(&shown, ui);
            }
            Err(error) => return Err(explained(error, &administration, invitation)),
        };
        let done = format!("`{}` is confirmed", args.name);
        progress.if_interrupted(done.as_str());
        let remembered = administration.saw(&chain, confirmed.head);
        remembered.map_err(|failure| failure.after(&done))?;
        progress.finish();
    }
    shown.report("confirmed", args.dry_run, ui)?;
    if !args.dry_run {
        ui.messages.note(format_args!("confirmed `{}`", args.name));
        ui.messages.note(format_args!(
            "next: `{}` can use the vault now, and can check the account with the command that `join` printed; delete the invitation \
             code on both machines",
            args.name
        ));
    }
    Ok(())
}

impl Args {
    fn words(&self) -> Result<Option<Words>, Failure> {
        if self.fingerprint.is_empty() {
            return Ok(None);
        }
        let words = self.fingerprint.join(" ").parse();
        words
            .map(Some)
            .map_err(|error| {
                Failure::usage(format_args!(
                    "--fingerprint cannot be used: {error}; give the eight words that the person reads out"
                ))
            })
    }
}

/// Returns the account and the words of the request of an invitation.
fn request(invitation: &PendingInvitation) -> Result<(&str, Words), Failure> {
    let name = &invitation.name;
    let request = invitation.request.as_ref().ok_or_else(|| {
        Failure::new(
            Status::NotFound,
            format_args!(
                "`{name}` has not joined yet: wait until it has used its code; {} shows the state",
                advice::command("org pending")
            ),
        )
    })?;
    let words = request.words.ok_or_else(|| {
        Failure::new(
            Status::Crypto,
            format_args!(
                "the request of `{name}` has no valid public key; withdraw the invitation with {}, and invite again",
                advice::command_about("org withdraw", name)
            ),
        )
    })?;
    Ok((&request.account, words))
}

fn unknown(pending: &[PendingInvitation], name: &str) -> Failure {
    let failure = Failure::new(
        Status::NotFound,
        format_args!(
            "no open invitation has the name `{name}`: it has expired or was withdrawn, or there was none"
        ),
    );
    if let Some(name) = nearest(name, pending.iter().map(|it| it.name.as_str())) {
        return failure.with_advice(&format!("did you mean `{name}`?"));
    }
    let failure = failure.with_advice(&format!(
        "{} lists the open ones",
        advice::command("org pending")
    ));
    let invite = advice::command_about("org invite --scopes SCOPES", name);
    invite_again(failure, &invite)
}

/// Explains why a listed invitation cannot be confirmed.
fn explained(
    error: Error,
    administration: &Administration<'_>,
    invitation: &PendingInvitation,
) -> Failure {
    let name = &invitation.name;
    let invite = advice::invite(name, &invitation.scopes);
    match error.kind() {
        // By the clock of this machine. The vault may still have the invitation, and its name is not free then.
        ErrorKind::Auth if error.status().is_none() => Failure::new(Status::Auth, error)
            .with_advice(&format!(
                "if the clock is right, withdraw the invitation with {}, and invite again with {invite}; the person joins with the \
                 new code and a new folder",
                advice::command_about("org withdraw", name)
            )),
        ErrorKind::NotFound => invite_again(administration.explained(error), &invite),
        _ => administration.explained(error),
    }
}

/// Advises what to do about an invitation that has expired.
fn invite_again(failure: Failure, invite: &str) -> Failure {
    failure.with_advice(&format!(
        "the request of an expired invitation cannot be confirmed: invite again with {invite}, and let the person join with the \
         new code and a new folder"
    ))
}

fn ask(invitation: &PendingInvitation, ui: &Ui) -> Result<(), Failure> {
    prompt::require_at_terminal(
        "cannot confirm a member without a terminal; give --yes, or the words that the person reads out with \
         --fingerprint",
        format_args!(
            "does `{}` see the same words, and should it have these scopes?",
            invitation.name
        ),
        "nothing was confirmed",
        ui.messages,
    )
}

fn other_words(name: &str, given: &Words, found: &Words) -> Failure {
    let withdraw = advice::command_about("org withdraw", name);
    Failure::new(
        Status::Crypto,
        format_args!(
            "the words of the request are `{found}`, and --fingerprint has `{given}`; nothing was confirmed; another person may \
             have used the code: withdraw the invitation with {withdraw}, and invite again"
        ),
    )
}
