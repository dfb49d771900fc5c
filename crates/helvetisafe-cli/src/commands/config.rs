//! `config show`: every setting and its source. `config list`: all profiles. `config use`: another default.
//! `config remove`: a profile, and the files that `init` made for it.

mod remove;

use clap::Subcommand;
use serde::Serialize;

use crate::advice;
use crate::failure::Failure;
use crate::settings::{
    ConfigFile, Entries, Entry, Profile, RawValue, Setting, Settings, SettingsArgs,
};
use crate::ui::Ui;
use crate::ui::output::Output;

const EXAMPLES: &str = "\
Examples:
  helvetisafe config show
  helvetisafe config show prod
  helvetisafe --profile prod config show --json";

const LIST_EXAMPLES: &str = "\
Examples:
  helvetisafe config list
  helvetisafe config list --json | jq -r '.profiles[].profile'";

const USE_EXAMPLES: &str = "\
Examples:
  helvetisafe config use prod";

/// Show the settings, or show, choose and remove profiles.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print every setting with its source, but no secret.
    ///
    /// Fails with status 2 if a setting is missing, contradictory or invalid. No network.
    #[command(after_help = EXAMPLES)]
    Show {
        /// Print the settings of this profile alone, without those of flags and variables.
        #[arg(value_name = "PROFILE")]
        name: Option<String>,
    },
    /// Print the profiles of the configuration file; `*` marks the one that is used.
    ///
    /// With the base URL and the client id of each, if it has them, separated by tabs. No network.
    #[command(after_help = LIST_EXAMPLES)]
    List,
    /// Make a profile the default one, in the configuration file. No network.
    #[command(after_help = USE_EXAMPLES)]
    Use {
        /// The profile.
        #[arg(value_name = "PROFILE")]
        name: String,
    },
    Remove(remove::Args),
}

pub(crate) fn run(command: &Command, args: &SettingsArgs, ui: &Ui) -> Result<(), Failure> {
    match command {
        Command::Show { name } => show(name.as_deref(), args, ui),
        Command::List => list(args, ui),
        Command::Use { name } => choose(name, args, ui),
        Command::Remove(it) => remove::run(it, args, ui),
    }
}

/// The output of `config list --json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct JsonList<'a> {
    file: Option<String>,
    profiles: Vec<JsonProfile<'a>>,
}

#[derive(Serialize)]
struct JsonProfile<'a> {
    profile: &'a str,
    base_url: Option<&'a str>,
    client_id: Option<&'a str>,
    used: bool,
}

fn list(args: &SettingsArgs, ui: &Ui) -> Result<(), Failure> {
    let (profiles, used) = Profile::load_all(args)?;
    let problems = profiles.iter().filter_map(|it| it.check().err());
    for problem in problems {
        ui.messages.warning(problem.message().unwrap_or_default());
    }
    let file = profiles.first().map(|it| it.file.display().to_string());
    let profiles: Vec<_> = profiles
        .iter()
        .map(|profile| JsonProfile {
            profile: &profile.name,
            base_url: profile.text("base_url"),
            client_id: profile.text("client_id"),
            used: used.as_ref() == Some(&profile.name),
        })
        .collect();
    if ui.json {
        return ui.output.json(&JsonList { file, profiles });
    }
    if profiles.is_empty() {
        ui.messages.note(format_args!(
            "no profiles; {} writes one",
            advice::command("init")
        ));
    }
    for it in profiles {
        let mark = if it.used { "*" } else { " " };
        let (url, id) = (
            it.base_url.unwrap_or_default(),
            it.client_id.unwrap_or_default(),
        );
        ui.output
            .line(&format!("{mark} {}\t{url}\t{id}", it.profile))?;
    }
    Ok(())
}

fn choose(name: &str, args: &SettingsArgs, ui: &Ui) -> Result<(), Failure> {
    let config = ConfigFile::load_to_change(args)?;
    config.set_default(name)?;
    ui.messages.done(format_args!(
        "`{name}` is the default profile of {}",
        config.file.display()
    ));
    Ok(())
}

fn show(name: Option<&str>, args: &SettingsArgs, ui: &Ui) -> Result<(), Failure> {
    let entries = match name {
        Some(name) => Entries::collect_profile(args, name)?,
        None => Entries::collect(args)?,
    };
    let rows = rows(&entries);
    if ui.json {
        let profile = entries.profile.as_ref();
        ui.output.json(&Json {
            file: profile.map(|profile| profile.file.display().to_string()),
            profile: profile.map(|profile| profile.name.as_str()),
            settings: rows,
        })?;
    } else {
        table(&entries, &rows, &ui.output)?;
    }
    Settings::parse(&entries).map(drop)
}

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    file: Option<String>,
    profile: Option<&'a str>,
    settings: Vec<Row>,
}

/// One setting from one source.
#[derive(Serialize)]
struct Row {
    setting: &'static str,
    value: Option<String>,
    source: Option<String>,
    overridden: bool,
}

fn rows(entries: &Entries) -> Vec<Row> {
    let rows = Setting::all().flat_map(|setting| {
        let used = entries.used_all(setting);
        let used = used.map(|entry| Row::new(entry, false));
        let overridden = entries.overridden(setting);
        let overridden = overridden.map(|entry| Row::new(entry, true));
        let mut rows: Vec<_> = used.chain(overridden).collect();
        if rows.is_empty() {
            rows.push(Row::unset(setting));
        }
        rows
    });
    rows.collect()
}

impl Row {
    fn unset(setting: Setting) -> Self {
        Self {
            setting: setting.name(),
            value: None,
            source: None,
            overridden: false,
        }
    }

    fn new(entry: &Entry, overridden: bool) -> Self {
        Self {
            setting: entry.setting.name(),
            value: Some(shown(&entry.value)),
            source: Some(entry.origin.to_string()),
            overridden,
        }
    }
}

/// Returns a value for the output: of a secret only its file or command.
fn shown(value: &RawValue) -> String {
    match value {
        RawValue::Text(text) => text.clone(),
        RawValue::Path(path) => path.display().to_string(),
        RawValue::Secret(_) => "[redacted]".to_owned(),
        RawValue::Command(argv) => format!("`{}`", argv.join(" ")),
    }
}

fn table(entries: &Entries, rows: &[Row], output: &Output) -> Result<(), Failure> {
    match &entries.profile {
        Some(profile) => output.line(&format!(
            "profile `{}` in {}",
            profile.name,
            profile.file.display()
        ))?,
        None => output.line("no profile")?,
    }
    for row in rows {
        let value = row.value.as_deref().unwrap_or("(not set)");
        let mut line = format!("{:22}  {value}", row.setting);
        if let Some(source) = &row.source {
            let overridden = if row.overridden { ", overridden" } else { "" };
            line += &format!("  ({source}{overridden})");
        }
        output.line(&line)?;
    }
    Ok(())
}
