//! `org withdraw NAME`: withdraws an invitation.

use serde::Serialize;

use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::{Administration, CHANGE, Vault};
use crate::ui::progress::Progress;
use crate::ui::{Ui, prompt};

const EXAMPLES: &str = "\
Examples:
  helvetisafe org withdraw bob
  helvetisafe org withdraw bob --yes --json";

/// Withdraw an invitation, also one whose request to join is not yet confirmed.
///
/// Its code is then invalid, and the name is free again. A confirmed member is disabled instead. On a terminal it asks first.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The name of the invitation.
    #[arg(value_name = "NAME")]
    name: String,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    /// Print which invitation would be withdrawn. Nothing is changed.
    #[arg(long)]
    dry_run: bool,
}

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    action: &'static str,
    id: String,
    name: &'a str,
    dry_run: bool,
}

pub(super) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    vault.settings()?.read_secrets()?;
    let progress = Progress::of_change(ui.messages);
    let administration = Administration::to_read(vault, "cannot withdraw the invitation", &CHANGE)?;
    let pending = administration.call(|organization| organization.invitations())?;
    let invitation = pending.iter().find(|it| it.name == args.name);
    let id = invitation.map(|it| it.id).ok_or_else(|| {
        Failure::new(
            Status::NotFound,
            format_args!(
                "no open invitation has the name `{}`; {} lists them",
                args.name,
                advice::command("org pending")
            ),
        )
    })?;
    if !args.dry_run {
        if !args.yes {
            ask(&args.name, ui)?;
        }
        let unknown = if_unanswered(&args.name);
        administration.change(&progress, unknown, |organization| organization.withdraw(id))?;
        progress.finish();
    }
    if ui.json {
        return ui.output.json(&Json {
            action: "withdrawn",
            id: id.to_string(),
            name: &args.name,
            dry_run: args.dry_run,
        });
    }
    if args.dry_run {
        let text = format!("would withdraw the invitation of `{}`", args.name);
        return ui.output.line(&text);
    }
    ui.messages.note(format_args!(
        "withdrew the invitation of `{}`: its code is invalid now, and the name is free again",
        args.name
    ));
    Ok(())
}

/// Returns the message of a signal while the outcome is unknown.
fn if_unanswered(name: &str) -> String {
    format!(
        "whether the invitation of `{name}` is withdrawn is not known: {} shows it",
        advice::command("org pending")
    )
}

/// Asks on a terminal. A script needs no answer, since the person can be invited again.
fn ask(name: &str, ui: &Ui) -> Result<(), Failure> {
    prompt::require_if_terminal(
        format_args!("withdraw the invitation of `{name}`?"),
        "nothing was withdrawn",
        ui.messages,
    )
}
