//! `init`: a new profile.

mod questions;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use helvetisafe::{Error, ErrorKind, Timeouts};
use serde::Serialize;

use super::doctor;
use crate::failure::Failure;
use crate::session::{Trust, Vault, builder};
use crate::settings::{
    ConfigFile, Entries, Entry, NewProfile, Origin, RawValue, Setting, Settings,
};
use crate::ui::messages::Messages;
use crate::ui::{Ui, prompt};
use questions::{Interview, Topic, at_home};

const EXAMPLES: &str = "\
Examples:
  helvetisafe init
  helvetisafe init --profile prod --base-url https://vault.example --client-id ID \\
    --client-secret-command 'pass show helvetisafe/prod' --private-key-path ~/keys/prod.pem
  helvetisafe init --profile org --base-url https://vault.example --client-id ID --client-secret-file FILE \\
    --private-key-path FILE --verification-key ed25519:PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw
  helvetisafe init --profile ci --base-url https://vault.example --api-token-file <(pass show ci) \\
    --password-file <(pass show ci-key)";

/// Write a new profile: ask for the vault, the credential and the key, check them, and store them.
///
/// Flags and variables give the answers, and on a terminal questions the others. A secret that is typed, in a
/// variable or in a pipe is stored in a file of mode 0600 beside the configuration file. A secret in a file
/// stays there. Nothing is written unless the vault accepts the credential and the key.
///
/// With --verification-key, the key of an administrator of the organization, the org key must be that of the signed chain. The
/// profile has that key too, so its first use needs no comparison of fingerprints.
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
    /// Replace the profile if it exists, and remove the files with secrets that `init` made for it. Both stay
    /// until the new ones are checked and written.
    #[arg(long)]
    replace: bool,
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
    /// Those of the replaced profile.
    removed_files: Vec<String>,
}

/// The reason for which a new profile cannot be used.
struct Refused {
    failure: Failure,
    /// The part of the settings that is wrong, if it is one.
    topic: Option<Topic>,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let may_ask = io::stdin().is_terminal() && ui.messages.is_terminal();
    let mut profile = new_profile(args, vault, may_ask, ui.messages)?;
    let given = Entries::for_new_profile(vault.settings_args(), args.commands())?;
    let replaced = profile.replaced().cloned();
    let mut interview = Interview::new(&given, replaced.as_ref(), !args.no_check, ui.messages);
    if may_ask {
        interview.ask()?;
    } else if !given.has(Setting::BaseUrl) {
        return Err(Failure::usage(
            "there is no terminal to ask on; give --base-url, --client-id with --client-secret-file, and \
             --private-key-path; `helvetisafe init --help` has all options",
        ));
    }
    let entries = verified(&mut interview, &mut profile, args, ui.messages)?;
    let removed = profile.write()?;
    report(&profile, &removed, ui)?;
    note_variables(&given, &entries, ui.messages);
    if args.no_check || ui.json {
        return Ok(());
    }
    let settings = Settings::of_profile(&profile, vault.settings_args())?;
    let timeout = Timeouts::default().operation;
    let vault = Vault::with_settings(settings, Some(timeout), ui.messages);
    doctor::run(&doctor::Args::default(), &vault, ui)
}

/// Returns the profile without its settings. Asks for its name until it can be one.
fn new_profile(
    args: &Args,
    vault: &Vault,
    may_ask: bool,
    messages: Messages,
) -> Result<NewProfile, Failure> {
    const DEFAULT: &str = "default";
    let (config, name) = NewProfile::place(vault.settings_args())?;
    let choose = |name: String| {
        let replace = args.replace || (may_ask && may_replace(&config, &name, messages)?);
        NewProfile::new(config.clone(), name, replace)
    };
    match name {
        Some(name) => choose(name),
        None if !may_ask => choose(DEFAULT.to_owned()),
        None => loop {
            let name = prompt::line("Name of the profile", Some(DEFAULT), messages)?;
            match choose(name) {
                Ok(profile) => return Ok(profile),
                Err(failure) => messages.failure(&failure),
            }
        },
    }
}

/// Asks whether to replace a profile, if it exists.
fn may_replace(config: &ConfigFile, name: &str, messages: Messages) -> Result<bool, Failure> {
    let file = config.file.display();
    let question = format_args!("there is a profile `{name}` in {file}; replace it?");
    Ok(config.has(name) && prompt::confirm(question, messages)?)
}

/// Returns the settings once they are right, after further questions for answers that were wrong.
fn verified(
    interview: &mut Interview<'_>,
    profile: &mut NewProfile,
    args: &Args,
    messages: Messages,
) -> Result<Entries, Failure> {
    loop {
        let entries = interview.entries();
        let settings = Settings::parse(&entries)?;
        profile.set(&entries)?;
        if args.no_check {
            return Ok(entries);
        }
        let Err(refused) = check(&settings, messages) else {
            return Ok(entries);
        };
        let Some(topic) = refused.topic.filter(|topic| interview.has(*topic)) else {
            return Err(refused.failure.with_advice("nothing was written"));
        };
        messages.failure(&refused.failure);
        interview.ask_again(topic)?;
    }
}

/// Connects, as every command does.
fn check(settings: &Settings, messages: Messages) -> Result<(), Refused> {
    let about = |topic| {
        move |failure| Refused {
            failure,
            topic: Some(topic),
        }
    };
    settings
        .credentials()
        .map_err(about(Topic::Authentication))?;
    settings.key_source().map_err(about(Topic::Key))?;
    let time = Timeouts::default().operation;
    let vault = Vault::with_settings(settings.clone(), Some(time), messages);
    let budget = vault.budget()?;
    let connect = || -> Result<_, Refused> { Ok(builder(settings, messages)?.connect()?) };
    let late = |refused: Refused| Refused {
        failure: vault.explain_timeout(refused.failure),
        ..refused
    };
    let client = budget.spend(connect).map_err(late)?;
    let calls = budget.limit_calls(client.organization());
    let chain = budget.spend(|| Trust::load_all(settings)?.examine(&client, calls));
    let chain = chain.map_err(|failure| late(failure.into()))?;
    let fingerprint = client.org_key_fingerprint();
    let advice = match chain {
        Some(_) => "the signed chain of the organization has it",
        None => "compare it with the one that the vault's owner sees",
    };
    messages.note(format_args!("the org key is {fingerprint}; {advice}"));
    Ok(())
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        let topic = None;
        Self { failure, topic }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let topic = match error.kind() {
            // The scopes are no answer.
            _ if error.setting() == Some(helvetisafe::Setting::Scopes) => None,
            _ if error.setting() == Some(helvetisafe::Setting::CaCertificate) => {
                Some(Topic::Authority)
            }
            ErrorKind::Auth | ErrorKind::Forbidden => Some(Topic::Authentication),
            ErrorKind::Config => Some(Topic::Passphrase),
            ErrorKind::Crypto => Some(Topic::Key),
            ErrorKind::OrgKeyRefused => None,
            _ => Some(Topic::BaseUrl),
        };
        Self {
            failure: error.into(),
            topic,
        }
    }
}

fn report(profile: &NewProfile, removed: &[PathBuf], ui: &Ui) -> Result<(), Failure> {
    let shown = |path: &Path| path.display().to_string();
    let secret_files: Vec<_> = profile.secret_files().map(shown).collect();
    let removed_files: Vec<_> = removed.iter().map(|path| shown(path)).collect();
    let (file, name) = (profile.file().display().to_string(), profile.name.as_str());
    if ui.json {
        return ui.output.json(&Json {
            file,
            profile: name,
            secret_files,
            removed_files,
        });
    }
    for path in secret_files {
        ui.messages.note(format_args!("wrote {path}"));
    }
    for path in removed_files {
        ui.messages.note(format_args!("removed {path}"));
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

/// A variable that later differs would override a profile that is not named, and contradict one that is. An answer
/// may differ from a variable already.
fn note_variables(given: &Entries, entries: &Entries, messages: Messages) {
    let set = Setting::all().flat_map(|setting| given.used_all(setting));
    let set = set.filter_map(|entry| match entry.origin {
        Origin::Variable(name) if entry.setting.is_in_profiles() => Some((name, entry)),
        _ => None,
    });
    let has_value = |entry: &Entry| {
        let chosen = entries.text(entry.setting).map(|(text, _)| text);
        given.text(entry.setting).map(|(text, _)| text) == chosen
    };
    let (same, other): (Vec<_>, Vec<_>) = set.partition(|(_, entry)| has_value(entry));
    let names = |variables: Vec<(&'static str, &Entry)>| {
        let names = variables.into_iter().map(|(name, _)| name);
        names.collect::<Vec<_>>()
    };
    let (variables, other) = (names(same), names(other));
    for name in other {
        messages.warning(format_args!(
            "{name} has another value than the profile; unset it"
        ));
    }
    if !variables.is_empty() {
        messages.note(format_args!(
            "{} have the values of the profile; unset them before you change the profile",
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
            let mut argv: Vec<_> = words.collect();
            // The quotes around the command hide it from the shell.
            if let Some(program) = argv.first_mut().filter(|it| it.starts_with("~/")) {
                *program = at_home(program).display().to_string();
            }
            Some(Entry {
                setting,
                origin: Origin::Flag(flag),
                value: RawValue::Command(argv),
            })
        });
        commands.collect()
    }
}
