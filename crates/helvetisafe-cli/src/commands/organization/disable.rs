//! `org disable NAME`: disables an account.

use helvetisafe::organization::{Anchor, Chain, ChainError, Organization};
use serde::Serialize;

use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::{Administration, CHANGE, Vault, administrator, recovery_kit};
use crate::ui::progress::Progress;
use crate::ui::similar::nearest;
use crate::ui::{Ui, prompt};

const EXAMPLES: &str = "\
Examples:
  helvetisafe org disable bob
  helvetisafe org disable hs_client_AAAAAAAAAAAAAAAAAAAAAA --yes";

/// Disable an account: its tokens and its wrapped keys are removed from the vault, with the next request.
///
/// A former member may still know the org key, and may have copies of what it read. So the org key has to be replaced afterwards,
/// and the values that it could read. The last administrator cannot be disabled. On a terminal it asks first; without one it needs
/// --yes.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The name of the member, or its account, which is its client id.
    #[arg(value_name = "NAME")]
    name: String,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    /// Print which account would be disabled. Nothing is changed.
    #[arg(long)]
    dry_run: bool,
}

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    action: &'static str,
    account: &'a str,
    name: &'a str,
    /// True for the account that runs the command.
    own: bool,
    dry_run: bool,
}

pub(super) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    vault.settings()?.read_secrets()?;
    let progress = Progress::of_change(ui.messages);
    let administration = Administration::to_read(vault, "cannot disable the account", &CHANGE)?;
    let (key, chain) = administration.chain_to_sign()?;
    let anchor = Anchor::Head(*chain.head());
    let own = &administration.account()?.account;
    let member = Named::find(&chain, &args.name, own)?;
    if let Some(kits) = recovery_kit::only_without(member.account, &chain) {
        warn(&kits, ui);
    }
    if args.dry_run {
        let entry = chain.disable(member.account, &key);
        entry.map_err(|error| refused(&member, &error))?;
    } else {
        if !args.yes {
            ask(&member, ui)?;
        }
        let unknown = format!(
            "whether {} is disabled is not known: {} shows it",
            described(&member),
            advice::command("org members")
        );
        let by = administrator(&key, &anchor);
        let disable = |it: Organization<'_>| it.disable(&by, member.account);
        let disabled = administration.change(&progress, unknown, disable)?;
        let done = format!("{} is disabled", described(&member));
        progress.if_interrupted(done.as_str());
        let remembered = administration.saw(&chain, disabled.head);
        remembered.map_err(|failure| failure.after(&done))?;
        progress.finish();
    }
    report(args, &member, &next(&member, own, &chain), ui)
}

/// Returns the next step. A kit that is in use would get a new org key, and is disabled first.
fn next(member: &Named<'_>, own: &str, chain: &Chain) -> String {
    let rotate = advice::command("org rotate");
    let values = "then replace the values that it could read, where they are used";
    if member.is_own {
        let others = recovery_kit::to_ask_without(own, chain);
        return format!(
            "this account can do nothing more: another administrator ({others}) replaces the org key, which you know, with \
             `helvetisafe org rotate`; {values}"
        );
    }
    if let Some(kit) = recovery_kit::name_of(own, chain) {
        return format!(
            "the new administrator makes a new recovery kit, disables `{kit}`, and then replaces the org key, which a former \
             member may know, as README.txt of this kit says; {values}"
        );
    }
    let replaces =
        format!("{rotate} replaces the org key, which a former member may know; {values}");
    let was_administrator = chain.administrators().contains_key(member.account);
    let kit = recovery_kit::usable(chain).filter(|kit| was_administrator && *kit != member.name);
    match kit {
        Some(kit) => format!(
            "{replaces}; if the recovery kit `{kit}` was used, first make a new one and disable `{kit}`, as its README.txt says, \
             since it would get the new key"
        ),
        None => replaces,
    }
}

/// A member of the chain. The vault's names do not count: it could give one member the name of another.
struct Named<'c> {
    account: &'c str,
    name: &'c str,
    /// True if it is the account that runs the command.
    is_own: bool,
}

impl<'c> Named<'c> {
    /// Returns the member with an account or a name, which the chain has only once. Former members do not count.
    fn find(chain: &'c Chain, name: &str, own: &str) -> Result<Self, Failure> {
        let members = || chain.members().iter();
        let found = members()
            .find(|(account, _)| *account == name)
            .or_else(|| members().find(|(_, member)| member.name == name));
        let (account, member) = found.ok_or_else(|| unknown(chain, name))?;
        Ok(Self {
            account,
            name: &member.name,
            is_own: account == own,
        })
    }
}

fn refused(member: &Named<'_>, error: &ChainError) -> Failure {
    Failure::new(
        Status::Conflict,
        format_args!("cannot disable {}: {error}", described(member)),
    )
}

fn unknown(chain: &Chain, name: &str) -> Failure {
    let mut former = chain.former_members().iter();
    if former.any(|(account, member)| account == name || member.name == name) {
        let why = format_args!("`{name}` was disabled already");
        return Failure::new(Status::Conflict, why);
    }
    let failure = Failure::new(
        Status::NotFound,
        format_args!("no member has the name or the account `{name}`"),
    );
    let names = chain.members().values().map(|it| it.name.as_str());
    match nearest(name, names) {
        Some(name) => failure.with_advice(&format!("did you mean `{name}`?")),
        None => failure.with_advice(&format!("{} lists them", advice::command("org members"))),
    }
}

/// Warns that no administrator will be left who is not a recovery kit.
fn warn(kits: &str, ui: &Ui) {
    ui.messages.warning(format_args!(
        "no administrator but the recovery kit {kits} will be left; first invite another one with {}",
        advice::command("org invite NAME --scopes administrator")
    ));
}

fn ask(member: &Named<'_>, ui: &Ui) -> Result<(), Failure> {
    prompt::require_at_terminal(
        "cannot confirm to disable an account without a terminal; give --yes",
        format_args!("disable {}, which cannot be undone?", described(member)),
        "nothing was disabled",
        ui.messages,
    )
}

fn report(args: &Args, member: &Named<'_>, next: &str, ui: &Ui) -> Result<(), Failure> {
    if ui.json {
        ui.output.json(&Json {
            action: "disabled",
            account: member.account,
            name: member.name,
            own: member.is_own,
            dry_run: args.dry_run,
        })?;
    }
    if args.dry_run {
        if !ui.json {
            ui.output
                .line(&format!("would disable {}", described(member)))?;
        }
        return Ok(());
    }
    ui.messages
        .note(format_args!("disabled {}", described(member)));
    ui.messages.note(format_args!("next: {next}"));
    Ok(())
}

fn described(member: &Named<'_>) -> String {
    let own = if member.is_own {
        "your own account "
    } else {
        ""
    };
    format!("{own}`{}` ({})", member.name, member.account)
}
