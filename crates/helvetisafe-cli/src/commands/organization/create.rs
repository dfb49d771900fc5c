//! `org create`: founds an organization.

use std::path::PathBuf;

use helvetisafe::SecretString;
use helvetisafe::organization::{
    AccountKeys, Anchor, Founded, NewOrganization, ScopeList, SigningKey,
};

use super::create_report::{explain, report};
use crate::commands::account_folder::{
    AccountFolder, CLIENT_SECRET, PRIVATE_KEY, Plan, Prepared, Purpose, SIGNING_KEY, Stage,
    entries_of, would_change,
};
use crate::commands::member_name;
use crate::failure::{Failure, Status};
use crate::random;
use crate::session::{
    KnownOrganization, NumberedKey, builder_of_new_account, builder_without_account,
    remember_account, watch_change,
};
use crate::settings::{AccountProfile, Address, SettingsArgs};
use crate::ui::in_flight::{Change, InFlight};
use crate::ui::progress::Progress;
use crate::ui::secret_input::read_once;
use crate::ui::{Ui, output_file};

const EXAMPLES: &str = "\
Examples:
  helvetisafe org create --base-url https://vault.example --token-file bootstrap-token \\
    --output-dir ~/organization
  helvetisafe --config ~/organization/config.toml doctor";

/// Found an organization, with its first administrator.
///
/// The bootstrap token is that of `helvetisafe-server init`, and is used up. The keys are made here and written into the folder before
/// anything is sent: the private key, the client secret and the signing key, each of mode 0600, with a profile that names
/// them. If the command is interrupted, run it again with the same folder: it continues with the same keys. If the organization
/// exists already, it only checks that the vault accepts them.
///
/// With --password-file, the vault stores a copy of the private key under that password, so that a client can use the password
/// in place of the file.
///
/// Without --token-file the token is read from standard input if that is piped, else at a hidden prompt.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file with the bootstrap token; - stands for standard input.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The folder for the keys and the profile, which is created with mode 0700 if it does not exist.
    #[arg(long, value_name = "FOLDER", value_parser = output_file::folder())]
    output_dir: PathBuf,
    /// The name of the first administrator, for people.
    #[arg(long, value_name = "NAME", default_value = "administrator", value_parser = member_name::parse)]
    name: String,
    /// Print what would be done. Nothing is made, written or sent.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, settings: &SettingsArgs, ui: &Ui) -> Result<(), Failure> {
    let insecure = Address::allows_insecure_permissions(settings)?;
    let is_same = |plan: &Plan| plan.purpose == Purpose::Create;
    let earlier = AccountFolder::earlier(&args.output_dir, insecure, is_same)?;
    let address = Address::load(settings, entries_of(earlier.as_ref())?)?;
    let scopes = ScopeList::from(member_name::administrator());
    let id = random::hex(&*random::bytes::<8>()?).to_string();
    let plan = Plan::new(Purpose::Create, &address.base_url, id, &args.name, &scopes);
    if args.dry_run {
        let begun = AccountFolder::begun(&args.output_dir, &plan, insecure)?;
        let changed = would_change(earlier.as_ref(), &address)?;
        let founder = (args.output_dir.as_path(), args.name.as_str());
        return explain(founder, &address, begun.as_ref(), &changed, ui);
    }
    let password = Address::new_password(settings)?;
    // It may be a pipe, and an unreadable one leaves no folder behind.
    address.certificate()?;
    let folder = AccountFolder::open(&args.output_dir, insecure)?;
    let profile = |keys: &AccountKeys| profile(&address, keys, &scopes);
    let again = folder.again("the name");
    let Prepared {
        plan,
        keys,
        changed,
    } = {
        // Until the prompt for the token.
        let progress = Progress::of_change(ui.messages);
        progress.if_interrupted(format!("nothing was sent; to continue, {again}"));
        folder.prepare(plan, password.as_ref(), &address, profile)?
    };
    if plan.stage == Stage::Accepted {
        folder.report_changed(&changed, ui);
        check(&plan, &keys, &address, &folder, ui)?;
        ui.messages
            .note("the organization exists already, and its account can be used");
        return report(&plan, &keys, &folder, "unchanged", ui);
    }
    let token = read_once("the bootstrap token", args.token_file.as_deref(), insecure)?;
    let progress = Progress::of_change(ui.messages);
    progress.if_interrupted(format!("nothing was sent; to continue, {again}"));
    let change = progress.change(format!(
        "whether the organization is founded is not known: {again}, which shows it or continues with the same keys"
    ));
    let founded = found(args, &address, &plan, &keys, (&token, change), ui)?;
    let exists = format!("the organization is founded; {again}, which shows it and the next step");
    progress.if_interrupted(exists.as_str());
    let remembered = remember(&founded, &address, &keys, ui);
    let plan = plan.accepted(&founded.fingerprint);
    let stored = remembered.and_then(|()| folder.save(&plan));
    stored.map_err(|failure| failure.with_advice(&exists))?;
    progress.finish();
    let reported = report(&plan, &keys, &folder, "created", ui);
    reported.map_err(|failure| failure.with_advice(&exists))
}

/// Fails if the vault does not accept the keys, as after its database was made anew. Changes nothing.
fn check(
    plan: &Plan,
    keys: &AccountKeys,
    address: &Address,
    folder: &AccountFolder,
    ui: &Ui,
) -> Result<(), Failure> {
    let Some(key) = &keys.signing_key else {
        return Ok(());
    };
    let anchor = Anchor::Key(key.verification_key());
    let checked = builder_of_new_account(address, keys, anchor, ui.messages)?.connect();
    let Err(error) = checked else {
        return Ok(());
    };
    let (name, folder) = (&plan.name, folder.path().display());
    let failure = Failure::without_doctor(error);
    if failure.status() != Status::Auth as u8 {
        return Err(failure.after(&format!(
            "cannot check the account of `{name}`, whose keys are in {folder}"
        )));
    }
    Err(Failure::new(
        Status::Auth,
        format_args!(
            "the organization was founded with the keys in {folder}, but the vault at {} refuses them now: it has another database, \
             made anew or restored, or the account of `{name}` was disabled; to found another organization, choose a new folder",
            address.base_url
        ),
    ))
}

/// Sends the keys. They are in the folder already, so an interrupted command can be repeated.
fn found(
    args: &Args,
    address: &Address,
    plan: &Plan,
    keys: &AccountKeys,
    (token, change): (&SecretString, Change),
    ui: &Ui,
) -> Result<Founded, Failure> {
    let organization = NewOrganization {
        id: random::from_hex(&plan.organization)
            .unwrap_or_default()
            .into(),
        name: &plan.name,
        scopes: plan.scopes.clone(),
        keys,
    };
    let in_flight = InFlight::default();
    let watch = watch_change(in_flight.clone(), ui.messages);
    let builder = builder_without_account(address, ui.messages)?.on_event(watch);
    let _begun = in_flight.begin(change);
    builder
        .found_organization(token, &organization)
        .map_err(|error| {
            Failure::from(error).with_advice(&format!(
                "the keys of `{}` are in {}; run the command again with the same name and folder to continue with them",
                plan.name,
                args.output_dir.display()
            ))
        })
}

fn remember(
    founded: &Founded,
    address: &Address,
    keys: &AccountKeys,
    ui: &Ui,
) -> Result<(), Failure> {
    let seen = KnownOrganization {
        id: founded.organization.to_string(),
        head: founded.head,
        verification_key: Some(founded.verification_key),
    };
    let vault = address.vault_id(&keys.client_id);
    let insecure = address.insecure_permissions;
    let key = NumberedKey {
        fingerprint: founded.fingerprint,
        epoch: Some(founded.key_epoch),
    };
    remember_account(&vault, key, seen, insecure, ui.messages)
}

fn profile(address: &Address, keys: &AccountKeys, scopes: &ScopeList) -> String {
    let signing_key = keys.signing_key.as_ref();
    let profile = AccountProfile {
        address,
        client_id: &keys.client_id,
        client_secret_file: CLIENT_SECRET,
        private_key_path: PRIVATE_KEY,
        signing_key_path: signing_key.map(|_| SIGNING_KEY),
        verification_key: signing_key.map(SigningKey::verification_key),
        scopes,
    };
    profile.to_toml()
}
