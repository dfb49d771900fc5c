//! `org recovery-kit`: makes an offline administrator account.

use std::path::PathBuf;
use std::time::Duration;

use helvetisafe::Timestamp;
use helvetisafe::organization::{
    AccountKeys, Anchor, Chain, NewInvite, ScopeList, SigningKey, VerificationKey,
};

use super::recovery_readme::{self, README};
use super::recovery_report::{explain, report};
use super::{free_name, recovery_failure};
use crate::advice::{self, shell_quoted};
use crate::commands::account_folder::{
    AccountFolder, CLIENT_SECRET, PRIVATE_KEY, Plan, Prepared, Purpose, SIGNING_KEY, Stage,
    would_change,
};
use crate::commands::member_name;
use crate::failure::{Failure, Status};
use crate::session::{
    Administration, CHANGE, Vault, administrator, builder_of_new_account, recovery_kit,
};
use crate::settings::{AccountProfile, Address};
use crate::ui::in_flight::Change;
use crate::ui::progress::Progress;
use crate::ui::{Ui, output_file};

const EXAMPLES: &str = "\
Examples:
  helvetisafe org recovery-kit --output-dir /media/usb/recovery-kit
  helvetisafe --config /media/usb/recovery-kit/config.toml doctor";

/// The time in which an interrupted command finds its own invitation again. Later it makes a new one.
const INVITATION: Duration = Duration::from_secs(3600);

/// Make an offline administrator account, for the day on which no other administrator has its keys.
///
/// It is an account of its own, which this command invites, joins and confirms. The keys are made here and written into the folder
/// before anything is sent: the private key, the client secret and the signing key, each of mode 0600, with a profile and README.txt,
/// which says how to store and to use the kit. At the end the new account logs in once, and its org key is compared.
///
/// If the command is interrupted, run it again with the same folder: it continues with the same keys. The account has all scopes, so
/// anyone who has the folder can read every secret.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The folder for the keys and the profile, which is created with mode 0700 if it does not exist.
    #[arg(long, value_name = "FOLDER", value_parser = output_file::folder())]
    output_dir: PathBuf,
    /// The name of the account, for people. Each kit has its own, which should begin with recovery-kit: advice that names
    /// administrators to ask leaves such names out.
    #[arg(long, value_name = "NAME", default_value = recovery_kit::NAME, value_parser = member_name::parse)]
    name: String,
    /// Print what would be done. Nothing is made, written or changed.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    vault.settings()?.read_secrets()?;
    warn_of_name(&args.name, ui);
    let progress = Progress::of_change(ui.messages);
    let administration = Administration::to_write(vault, "cannot make a recovery kit", &CHANGE)?;
    let (key, chain) = administration.chain_to_sign()?;
    if !AccountFolder::is_begun(&args.output_dir) {
        let failed = "cannot make a recovery kit";
        free_name::check(&administration, &chain, &args.name, failed)?;
    }
    let wanted = plan(args, &vault.settings()?.base_url, &chain);
    let (address, changed) = address(args, vault)?;
    if args.dry_run {
        let insecure = address.insecure_permissions;
        let begun = AccountFolder::begun(&args.output_dir, &wanted, insecure)?;
        let kit = (args.output_dir.as_path(), args.name.as_str());
        return explain(kit, &chain, begun.as_ref(), &changed, ui);
    }
    let again = again(args);
    progress.if_interrupted(format!("nothing was sent; to continue, {again}"));
    let (folder, prepared) = prepare(args, wanted, &address, &chain, key.verification_key())?;
    let Prepared {
        plan,
        keys,
        changed,
    } = prepared;
    let action = match plan.stage {
        Stage::Accepted => "unchanged",
        _ => "created",
    };
    if plan.stage != Stage::Accepted {
        let change = progress.change(format!("whether the account exists is not known: {again}"));
        enroll(
            &administration,
            (&key, &chain),
            (&plan, &keys),
            &folder,
            change,
        )?;
    } else if !chain.administrators().contains_key(&keys.client_id) {
        return Err(disabled(&folder));
    }
    progress.if_interrupted(format!("the account exists; to check it, {again}"));
    let anchor = Anchor::Key(key.verification_key());
    let checked =
        builder_of_new_account(&Address::of(vault.settings()?), &keys, anchor, ui.messages)?;
    let fingerprint = vault
        .budget()?
        .spend(|| checked.connect())
        .map_err(|error| recovery_failure::of_login(error.into(), &plan, &folder))?
        .org_key_fingerprint();
    let plan = plan.accepted(&fingerprint);
    folder.save(&plan)?;
    progress.finish();
    folder.report_changed(&changed, ui);
    report(&plan, &keys, &folder, action, changed.is_empty(), ui)
}

/// Warns of a name by which other commands do not recognize a kit.
fn warn_of_name(name: &str, ui: &Ui) {
    if !recovery_kit::is_kit(name) {
        ui.messages.warning(format_args!(
            "the name `{name}` does not begin with {}, so advice about whom to ask names this kit as a person",
            recovery_kit::NAME
        ));
    }
}

/// Returns the address for the profile of the kit, and the settings that it would change in that of a complete one. An interrupted
/// command takes from the folder what the administrator's settings do not have; a complete kit gets flags and variables alone.
fn address(args: &Args, vault: &Vault) -> Result<(Address, Vec<&'static str>), Failure> {
    let settings = vault.settings()?;
    let is_same = |plan: &Plan| plan.purpose == Purpose::Recovery;
    let earlier = AccountFolder::earlier(&args.output_dir, settings.insecure_permissions, is_same)?;
    let address = match &earlier {
        Some((plan, profile)) if plan.stage == Stage::Accepted => {
            Address::load(vault.settings_args(), profile.entries()?)?
        }
        Some((_, profile)) => Address::of(settings).or(profile.address()?),
        None => Address::of(settings),
    };
    let changed = would_change(earlier.as_ref(), &address)?;
    Ok((address, changed))
}

fn plan(args: &Args, base_url: &str, chain: &Chain) -> Plan {
    let scopes = ScopeList::from(member_name::administrator());
    let organization = chain.organization().to_owned();
    Plan::new(
        Purpose::Recovery,
        base_url,
        organization,
        &args.name,
        &scopes,
    )
}

/// Returns the advice after a signal.
fn again(args: &Args) -> String {
    let folder = shell_quoted(&args.output_dir);
    let name = match args.name.as_str() {
        recovery_kit::NAME => String::new(),
        name => format!(" {}", advice::option("--name", name.as_ref())),
    };
    let again = advice::command(format_args!("org recovery-kit --output-dir {folder}{name}"));
    format!("run {again} again, which continues with the keys in {folder}")
}

/// Makes the files, or reads those of an earlier run.
fn prepare(
    args: &Args,
    wanted: Plan,
    address: &Address,
    chain: &Chain,
    own_key: VerificationKey,
) -> Result<(AccountFolder, Prepared), Failure> {
    let folder = AccountFolder::open(&args.output_dir, address.insecure_permissions)?;
    let scopes = wanted.scopes.clone();
    let profile = |keys: &AccountKeys| profile(address, keys, &scopes, own_key);
    let prepared = folder.prepare(wanted, None, address, profile)?;
    let Prepared { plan, keys, .. } = &prepared;
    if plan.stage != Stage::Accepted {
        let now = Timestamp::now();
        let has_certificate = address.ca_certificate.is_some();
        let text = recovery_readme::text(plan, keys, chain.fingerprint(), now, has_certificate);
        folder.write(README, text.as_bytes())?;
    }
    Ok((folder, prepared))
}

/// Makes the keys those of an administrator. They are in the folder already, so an interrupted command can be repeated.
fn enroll(
    administration: &Administration<'_>,
    (key, chain): (&SigningKey, &Chain),
    (plan, keys): (&Plan, &AccountKeys),
    folder: &AccountFolder,
    change: Change,
) -> Result<(), Failure> {
    let anchor = Anchor::Head(*chain.head());
    let expires_at = Timestamp::now().as_second() + INVITATION.as_secs().cast_signed();
    let new = NewInvite {
        name: plan.name.clone(),
        scopes: plan.scopes.clone(),
        expires_at: Timestamp::from_second(expires_at).unwrap_or(Timestamp::MAX),
    };
    let by = administrator(key, &anchor);
    let enrolled = administration.attempt_begun(change, |it| it.enroll(&by, &new, keys))?;
    let enrolled = enrolled
        .map_err(|error| recovery_failure::of_enrolment(error, administration, plan, folder))?;
    administration.saw(chain, enrolled.head)
}

fn disabled(folder: &AccountFolder) -> Failure {
    Failure::new(
        Status::Conflict,
        format_args!(
            "the folder {} has the keys of an account that was disabled; choose a new folder",
            folder.path().display()
        ),
    )
}

fn profile(
    address: &Address,
    keys: &AccountKeys,
    scopes: &ScopeList,
    own_key: VerificationKey,
) -> String {
    let profile = AccountProfile {
        address,
        client_id: &keys.client_id,
        client_secret_file: CLIENT_SECRET,
        private_key_path: PRIVATE_KEY,
        signing_key_path: keys.signing_key.as_ref().map(|_| SIGNING_KEY),
        verification_key: Some(own_key),
        scopes,
    };
    profile.to_toml()
}
