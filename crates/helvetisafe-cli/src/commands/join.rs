//! `join`: makes the keys of a new member, and asks to be confirmed.

mod report;

use std::path::{Path, PathBuf};

use helvetisafe::organization::{AccountKeys, InvitationCode, InvitationStatus, Joining, Terms};
use helvetisafe::{Error, ErrorCode, ErrorKind, ExposeSecret, Timestamp};

use super::account_folder::{
    AccountFolder, CLIENT_SECRET, PRIVATE_KEY, Plan, Purpose, SIGNING_KEY, Stage, entries_of,
    would_change,
};
use crate::failure::{Failure, Status};
use crate::random;
use crate::session::{
    KnownOrganization, NumberedKey, builder_without_account, remember_account, watch_change,
};
use crate::settings::{AccountProfile, Address, SettingsArgs};
use crate::ui::in_flight::{Change, InFlight};
use crate::ui::progress::Progress;
use crate::ui::secret_input::read_once;
use crate::ui::{Ui, output_file};
use report::{next, report};

const EXAMPLES: &str = "\
Examples:
  helvetisafe join --output-dir ~/helvetisafe
  helvetisafe join --code-file bob.code --output-dir ~/helvetisafe
  helvetisafe --config ~/helvetisafe/config.toml doctor";

/// Join an organization with an invitation code.
///
/// The code is read from standard input if that is piped, else at a hidden prompt; it is never an argument. The signed chain of the
/// organization is verified from the code. Then the keys are made here and written into the folder, each with mode 0600, with a
/// profile that names them, and the request is sent. An administrator has to confirm it.
///
/// With --password-file, the vault stores a copy of the private key under that password, so that a client can use the password
/// in place of the file.
///
/// If the command is interrupted, run it again with the same code and folder: it continues with the same keys. After the
/// confirmation it says so.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file with the invitation code; - stands for standard input.
    #[arg(long, value_name = "FILE")]
    code_file: Option<PathBuf>,
    /// The folder for the keys and the profile, which is created with mode 0700 if it does not exist.
    #[arg(long, value_name = "FOLDER", value_parser = output_file::folder())]
    output_dir: PathBuf,
    /// Print the terms of the invitation. No key is made, and no request is sent.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, settings: &SettingsArgs, ui: &Ui) -> Result<(), Failure> {
    let insecure = Address::allows_insecure_permissions(settings)?;
    let text = read_once("the invitation code", args.code_file.as_deref(), insecure)?;
    let code = InvitationCode::parse(text.expose_secret()).map_err(Failure::usage)?;
    let invitation = random::hex(&code.secret.id()).to_string();
    let earlier = AccountFolder::earlier(&args.output_dir, insecure, |plan| {
        plan.purpose == Purpose::Join && plan.invitation.as_ref() == Some(&invitation)
    })?;
    let base_url = match &earlier {
        Some((_, profile)) => profile.base_url(),
        None => &code.base_url,
    };
    let address = Address::of_code(settings, base_url, entries_of(earlier.as_ref())?)?;
    let password = match args.dry_run {
        true => None,
        false => Address::new_password(settings)?,
    };
    let progress = Progress::of_change(ui.messages);
    let terms = builder_without_account(&address, ui.messages)?.invitation(&code);
    let terms = terms.map_err(|error| explained(error, &address))?;
    let plan = plan(invitation, &address, &terms);
    if args.dry_run {
        let changed = would_change(earlier.as_ref(), &address)?;
        return explain(args, &terms, &plan, &changed, insecure, ui);
    }
    // A code that was used elsewhere leaves no folder behind.
    refuse_used(args, &terms, &plan, insecure)?;
    // It may be a pipe, and an unreadable one leaves no folder behind.
    address.certificate()?;
    let folder = AccountFolder::open(&args.output_dir, insecure)?;
    let again = folder.again("the code");
    progress.if_interrupted(format!("nothing was sent; to continue, {again}"));
    let profile = |keys: &AccountKeys| profile(&code, &address, &terms, keys);
    let prepared = folder.prepare(plan, password.as_ref(), &address, profile)?;
    folder.report_changed(&prepared.changed, ui);
    let (mut plan, keys) = (prepared.plan, prepared.keys);
    let change = progress.change(format!(
        "whether the request to join has arrived is not known: {again}, which shows it or continues with the same keys"
    ));
    let joining = join(&code, &address, &keys, folder.path(), change, ui)?;
    let arrived = format!(
        "the request to join has arrived; {again}, which shows the words and the next step"
    );
    progress.if_interrupted(arrived.as_str());
    let remembered = remember(&code, &address, &joining, &keys, ui);
    plan.expires_at = expires_at(&joining.terms);
    let accepted = plan.accepted(&joining.terms.fingerprint);
    let stored = remembered.and_then(|()| folder.save(&accepted));
    stored.map_err(|failure| failure.with_advice(&arrived))?;
    progress.finish();
    let made = Some((&joining, &keys, &folder));
    let reported = report(&joining.terms, made, ui);
    reported.map_err(|failure| failure.with_advice(&arrived))?;
    next(&joining.terms, &folder, args.code_file.as_deref(), ui);
    Ok(())
}

/// The failure of a code whose request the vault has already, with other keys.
const USED: &str = "the code has been used already, with other keys: continue with the folder in which they are; if you did not \
                    use it, another person has the code: report it to the administrator who invited you";

/// Returns true if the folder has keys that may have been sent. Refuses a folder of another invitation or vault, and a code whose
/// request the vault has, unless the folder has its keys.
fn refuse_used(
    args: &Args,
    terms: &Terms,
    plan: &Plan,
    insecure_permissions: bool,
) -> Result<bool, Failure> {
    let begun = AccountFolder::begun(&args.output_dir, plan, insecure_permissions)?;
    let has_keys = begun.is_some_and(|it| it.stage != Stage::Begun);
    match terms.status != InvitationStatus::Pending && !has_keys {
        true => Err(Failure::new(Status::Conflict, USED)),
        false => Ok(has_keys),
    }
}

/// Prints the terms, and what the command would do. Makes and changes nothing.
fn explain(
    args: &Args,
    terms: &Terms,
    plan: &Plan,
    changed: &[&str],
    insecure_permissions: bool,
    ui: &Ui,
) -> Result<(), Failure> {
    let has_keys = refuse_used(args, terms, plan, insecure_permissions)?;
    report(terms, None, ui)?;
    let folder = args.output_dir.display();
    match has_keys {
        true if !changed.is_empty() => ui.messages.note(format_args!(
            "would write {} into the profile in {folder}, and continue with its keys",
            changed.join(" and ")
        )),
        true => ui
            .messages
            .note(format_args!("would continue with the keys in {folder}")),
        false => ui.messages.note(format_args!(
            "would make keys in {folder}, and ask to be confirmed"
        )),
    }
    Ok(())
}

fn plan(invitation: String, address: &Address, terms: &Terms) -> Plan {
    let mut plan = Plan::new(
        Purpose::Join,
        &address.base_url,
        terms.organization.to_string(),
        &terms.name,
        &terms.scopes,
    );
    plan.invitation = Some(invitation);
    plan.expires_at = expires_at(terms);
    plan
}

/// Returns the time until which an administrator can confirm the request.
fn expires_at(terms: &Terms) -> Option<Timestamp> {
    let is_confirmed = terms.status == InvitationStatus::Confirmed;
    (!is_confirmed).then_some(terms.expires_at)
}

/// Sends the request. The keys are in the folder already, so an interrupted command can be repeated.
fn join(
    code: &InvitationCode,
    address: &Address,
    keys: &AccountKeys,
    folder: &Path,
    change: Change,
    ui: &Ui,
) -> Result<Joining, Failure> {
    let in_flight = InFlight::default();
    let watch = watch_change(in_flight.clone(), ui.messages);
    let builder = builder_without_account(address, ui.messages)?.on_event(watch);
    let _begun = in_flight.begin(change);
    builder.join(code, keys).map_err(|error| {
        if error.code() == Some(ErrorCode::IdTaken) {
            return Failure::new(Status::Conflict, USED);
        }
        explained(error, address).with_advice(&format!(
            "the keys are in {}; run the command again to continue with them",
            folder.display()
        ))
    })
}

/// Explains a chain that is not that of the code. Nothing of it is remembered yet, so there is nothing to forget. `doctor` would
/// check another account, since this one has no profile yet.
fn explained(error: Error, address: &Address) -> Failure {
    if error.other_history().is_some() {
        return Failure::new(Status::Crypto, error)
            .with_advice("after a restore the code cannot be used: ask for a new invitation");
    }
    let is_unreachable = error.kind() == ErrorKind::Transport && error.transport_error().is_some();
    let failure = Failure::without_doctor(error);
    match is_unreachable && address.failover.is_empty() {
        // A code has one URL.
        true => failure.with_advice(
            "if the vault has other URLs, ask the administrator for them, and give them with --failover-urls",
        ),
        false => failure,
    }
}

/// Pins the org key of the chain that the code vouches for, before the first use.
fn remember(
    code: &InvitationCode,
    address: &Address,
    joining: &Joining,
    keys: &AccountKeys,
    ui: &Ui,
) -> Result<(), Failure> {
    let seen = KnownOrganization {
        id: joining.terms.organization.to_string(),
        head: joining.head,
        verification_key: Some(code.inviter),
    };
    let vault = address.vault_id(&keys.client_id);
    let insecure = address.insecure_permissions;
    let key = NumberedKey {
        fingerprint: joining.terms.fingerprint,
        epoch: Some(joining.terms.key_epoch),
    };
    remember_account(&vault, key, seen, insecure, ui.messages)
}

fn profile(code: &InvitationCode, address: &Address, terms: &Terms, keys: &AccountKeys) -> String {
    let signing_key = keys.signing_key.as_ref();
    let profile = AccountProfile {
        address,
        client_id: &keys.client_id,
        client_secret_file: CLIENT_SECRET,
        private_key_path: PRIVATE_KEY,
        signing_key_path: signing_key.map(|_| SIGNING_KEY),
        verification_key: Some(code.inviter),
        scopes: &terms.scopes,
    };
    profile.to_toml()
}
