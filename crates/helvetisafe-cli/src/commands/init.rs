//! `init`: a new profile.

mod questions;

use std::io::{self, IsTerminal};

use helvetisafe::Timeouts;
use serde::Serialize;

use super::doctor;
use crate::failure::Failure;
use crate::session::{Trust, Vault, builder};
use crate::settings::{Entries, Entry, NewProfile, Origin, RawValue, Setting, Settings};
use crate::ui::messages::Messages;
use crate::ui::{Ui, prompt};

const EXAMPLES: &str = "\
Examples:
  helvetisafe init
  helvetisafe init --profile prod --base-url https://vault.example --client-id ID \\
    --client-secret-command 'pass show helvetisafe/prod' --private-key-path ~/keys/prod.pem
  helvetisafe init --profile ci --base-url https://vault.example --api-token-file <(pass show ci) \\
    --password-file <(pass show ci-key)";

/// Write a new profile: ask for the vault, the credential and the key, check them, and store them.
///
/// Flags and variables give the answers, and on a terminal questions the others. A secret that is typed, in a
/// variable or in a pipe is stored in a file of mode 0600 beside the configuration file. A secret in a file
/// stays there. Nothing is written unless the vault accepts the credential and the key.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A program that prints the client secret, such as that of a keyring, and its arguments, separated by
    /// spaces; no shell is run.
    #[arg(long, value_name = "COMMAND")]
    client_secret_command: Option<String>,
    /// A program that prints the API token.
    #[arg(long, value_name = "COMMAND")]
    api_token_command: Option<String>,
    /// A program that prints the private key, PEM.
    #[arg(long, value_name = "COMMAND")]
    private_key_pem_command: Option<String>,
    /// A program that prints the password of the private key that the vault stores.
    #[arg(long, value_name = "COMMAND")]
    password_command: Option<String>,
    /// Do not ask the vault whether the credential and the key are right.
    #[arg(long)]
    no_check: bool,
}

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    file: String,
    profile: &'a str,
    secret_files: Vec<String>,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let may_ask = io::stdin().is_terminal() && ui.messages.is_terminal();
    let mut profile = new_profile(vault, may_ask, ui.messages)?;
    let entries = entries(args, vault, may_ask, ui.messages)?;
    let settings = Settings::parse(&entries)?;
    profile.add(&entries)?;
    if !args.no_check {
        check(&settings, ui.messages)?;
    }
    profile.write()?;
    report(&profile, ui)?;
    note_variables(&entries, ui.messages);
    if args.no_check || ui.json {
        return Ok(());
    }
    let settings = Settings::of_profile(&profile, vault.settings_args())?;
    let timeout = Timeouts::default().operation;
    let vault = Vault::with_settings(settings, Some(timeout), ui.messages);
    doctor::run(&doctor::Args::default(), &vault, ui)
}

fn new_profile(vault: &Vault, may_ask: bool, messages: Messages) -> Result<NewProfile, Failure> {
    const DEFAULT: &str = "default";
    let (file, name) = NewProfile::place(vault.settings_args())?;
    let name = match name {
        Some(name) => name,
        None if may_ask => prompt::line("Name of the profile", Some(DEFAULT), messages)?,
        None => DEFAULT.to_owned(),
    };
    NewProfile::new(file, name, vault.settings_args())
}

/// Returns the settings from flags, variables and answers.
fn entries(
    args: &Args,
    vault: &Vault,
    may_ask: bool,
    messages: Messages,
) -> Result<Entries, Failure> {
    let mut more = args.commands();
    let given = Entries::for_new_profile(vault.settings_args(), more.clone())?;
    if may_ask {
        more.extend(questions::ask(&given, messages)?);
    } else if !given.has(Setting::BaseUrl) {
        return Err(Failure::usage(
            "there is no terminal to ask on; give --base-url, --client-id with --client-secret-file, and \
             --private-key-path; `helvetisafe init --help` has all options",
        ));
    }
    let mut entries = Entries::for_new_profile(vault.settings_args(), more)?;
    entries.read_pipes()?;
    Ok(entries)
}

/// Connects, as every command does.
fn check(settings: &Settings, messages: Messages) -> Result<(), Failure> {
    let unwritten = |failure: Failure| failure.with_advice("nothing was written");
    let client = builder(settings, messages)
        .and_then(|builder| Ok(builder.connect()?))
        .map_err(unwritten)?;
    let fingerprint = client.org_key_fingerprint();
    Trust::load(settings)?
        .check(fingerprint)
        .map_err(unwritten)?;
    messages.note(format_args!(
        "the org key is {fingerprint}; compare it with the one that the vault's owner sees"
    ));
    Ok(())
}

fn report(profile: &NewProfile, ui: &Ui) -> Result<(), Failure> {
    let secret_files: Vec<_> = profile
        .secret_files()
        .map(|path| path.display().to_string())
        .collect();
    let (file, name) = (profile.file.display().to_string(), profile.name.as_str());
    if ui.json {
        return ui.output.json(&Json {
            file,
            profile: name,
            secret_files,
        });
    }
    for path in secret_files {
        ui.messages.note(format_args!("wrote {path}"));
    }
    let use_it = match profile.is_default() {
        true => String::new(),
        false => format!("; use it with --profile {name}"),
    };
    ui.messages.note(format_args!(
        "wrote the profile `{name}` into {file}{use_it}"
    ));
    Ok(())
}

/// Variables override a profile that is not named, and contradict one that is.
fn note_variables(entries: &Entries, messages: Messages) {
    let entries = Setting::all().flat_map(|setting| entries.used_all(setting));
    let variables = entries.filter_map(|entry| match entry.origin {
        Origin::Variable(name) if entry.setting.is_in_profiles() => Some(name),
        _ => None,
    });
    let variables: Vec<_> = variables.collect();
    if !variables.is_empty() {
        messages.note(format_args!(
            "the profile has the values of {}: unset them before you use it",
            variables.join(", ")
        ));
    }
}

impl Args {
    fn commands(&self) -> Vec<Entry> {
        let commands = [
            (
                Setting::ClientSecret,
                "--client-secret-command",
                &self.client_secret_command,
            ),
            (
                Setting::ApiToken,
                "--api-token-command",
                &self.api_token_command,
            ),
            (
                Setting::PrivateKey,
                "--private-key-pem-command",
                &self.private_key_pem_command,
            ),
            (
                Setting::Password,
                "--password-command",
                &self.password_command,
            ),
        ];
        let commands = commands.into_iter().filter_map(|(setting, flag, command)| {
            let words = command.as_ref()?.split_whitespace().map(str::to_owned);
            Some(Entry {
                setting,
                origin: Origin::Flag(flag),
                value: RawValue::Command(words.collect()),
            })
        });
        commands.collect()
    }
}
