//! `config show`: every setting and its source.

use clap::Subcommand;
use serde::Serialize;

use crate::failure::Failure;
use crate::settings::{Entries, Entry, RawValue, Setting, Settings, SettingsArgs};
use crate::ui::Ui;
use crate::ui::output::Output;

const EXAMPLES: &str = "\
Examples:
  helvetisafe config show
  helvetisafe --profile prod config show --json";

/// Show the settings.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print every setting with its source, but no secret.
    ///
    /// Fails with status 2 if a setting is missing, contradictory or invalid. No network.
    #[command(after_help = EXAMPLES)]
    Show,
}

pub(crate) fn run(command: &Command, args: &SettingsArgs, ui: &Ui) -> Result<(), Failure> {
    let Command::Show = command;
    let entries = Entries::collect(args)?;
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
