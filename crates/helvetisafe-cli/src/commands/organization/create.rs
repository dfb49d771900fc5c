//! `org create`: founds an organization.

use std::path::PathBuf;

use helvetisafe::organization::{
    AccountKeys, Founded, NewOrganization, ScopeList, SigningKey, Words,
};
use helvetisafe::{Fingerprint, SecretString};
use serde::Serialize;

use crate::advice::shell_quoted;
use crate::commands::account_folder::{
    AccountFolder, CLIENT_SECRET, PRIVATE_KEY, Plan, Prepared, Purpose, SIGNING_KEY, Stage,
    entries_of, would_change,
};
use crate::commands::member_name;
use crate::failure::Failure;
use crate::random;
use crate::session::{KnownOrganization, NumberedKey, builder_without_account, remember_account};
use crate::settings::{AccountProfile, Address, SettingsArgs};
use crate::ui::progress::Progress;
use crate::ui::secret_input::read_once;
use crate::ui::{Ui, output_file, table};

const EXAMPLES: &str = "\
Examples:
  helvetisafe org create --base-url https://vault.example --token-file bootstrap-token \\
    --output-dir ~/organization
  helvetisafe --config ~/organization/config.toml doctor";

/// Found an organization, with its first administrator.
///
/// The bootstrap token is that of `helvetisafe-server init`, and is used up. The keys are made here and written into the folder before
/// anything is sent: the private key, the client secret and the signing key, each of mode 0600, with a profile that names
/// them. If the command is interrupted, run it again with the same folder: it continues with the same keys.
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

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json {
    action: &'static str,
    organization: String,
    account: String,
    name: String,
    org_key_fingerprint: String,
    org_key_words: String,
    verification_key: Option<String>,
    folder: String,
    config: String,
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
        return explain(args, &address, begun.as_ref(), &changed, ui);
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
        ui.messages
            .note("the organization exists already; nothing was sent");
        folder.report_changed(&changed, ui);
        return report(&plan, &keys, &folder, "unchanged", ui);
    }
    let token = read_once("the bootstrap token", args.token_file.as_deref(), insecure)?;
    let progress = Progress::of_change(ui.messages);
    progress.if_unanswered(format!(
        "whether the organization is founded is not known: {again}, which shows it or continues with the same keys"
    ));
    let founded = found(args, &address, &plan, &keys, &token, ui)?;
    progress.if_interrupted(format!(
        "the organization is founded; {again}, which shows it and the next step"
    ));
    remember(&founded, &address, &keys, ui)?;
    let plan = plan.accepted(&founded.fingerprint);
    folder.save(&plan)?;
    report(&plan, &keys, &folder, "created", ui)
}

/// Sends the keys. They are in the folder already, so an interrupted command can be repeated.
fn found(
    args: &Args,
    address: &Address,
    plan: &Plan,
    keys: &AccountKeys,
    token: &SecretString,
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
    let builder = builder_without_account(address, ui.messages)?;
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

/// Prints what would be done, after an earlier run with the folder, if there was one.
fn explain(
    args: &Args,
    address: &Address,
    begun: Option<&Plan>,
    changed: &[&str],
    ui: &Ui,
) -> Result<(), Failure> {
    let (folder, url, name) = (args.output_dir.display(), &address.base_url, &args.name);
    let keys = format!("{CLIENT_SECRET}, {PRIVATE_KEY}, {SIGNING_KEY} and a profile");
    let found = format!("found an organization at {url} with the administrator `{name}`");
    ui.output.line(&match begun.map(|plan| plan.stage) {
        None => format!("would make {keys} in {folder}, and {found}"),
        Some(Stage::Begun) => format!(
            "would make {keys} in {folder}, in place of those of an interrupted command, and {found}"
        ),
        Some(Stage::Made) => format!(
            "would use {CLIENT_SECRET}, {PRIVATE_KEY} and {SIGNING_KEY} of an interrupted command, which exist in {folder}, write \
             the profile again, and {found}"
        ),
        Some(Stage::Accepted) if !changed.is_empty() => format!(
            "would write {} into the profile in {folder}, and nothing else: the organization of `{name}` exists already, with the keys \
             there",
            changed.join(" and ")
        ),
        Some(Stage::Accepted) => format!(
            "would change nothing: the organization of `{name}` exists already, with the keys in {folder}"
        ),
    })
}

fn report(
    plan: &Plan,
    keys: &AccountKeys,
    folder: &AccountFolder,
    action: &'static str,
    ui: &Ui,
) -> Result<(), Failure> {
    let fingerprint = plan.org_key_fingerprint.clone().unwrap_or_default();
    let words = fingerprint.parse::<Fingerprint>();
    let words = words.map(|it| Words::of_fingerprint(&it).to_string());
    let config = folder.config();
    let json = Json {
        action,
        organization: plan.organization.clone(),
        account: keys.client_id.clone(),
        name: plan.name.clone(),
        org_key_fingerprint: fingerprint,
        org_key_words: words.unwrap_or_default(),
        verification_key: keys
            .signing_key
            .as_ref()
            .map(|it| it.verification_key().to_string()),
        folder: folder.path().display().to_string(),
        config: config.display().to_string(),
    };
    if ui.json {
        ui.output.json(&json)?;
    } else {
        let values = [
            ("organization", json.organization),
            ("account", json.account),
            ("name", json.name),
            ("org key", json.org_key_fingerprint),
            ("its words", json.org_key_words),
            (
                "verification key",
                json.verification_key.unwrap_or_default(),
            ),
            ("profile", json.config),
        ];
        table::print_named(&values, &ui.output)?;
    }
    let config = shell_quoted(&config);
    ui.messages.note(format_args!(
        "next: store a copy of {} offline, since no one can restore these keys; then invite a second administrator, with \
         their name for NAME: `helvetisafe --config {config} org invite NAME --scopes administrator`",
        folder.path().display()
    ));
    Ok(())
}
