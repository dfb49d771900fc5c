//! `config show`: every setting, and where it came from.

use clap::Subcommand;
use serde::Serialize;

use crate::config::table::Setting;
use crate::config::{Config, Found, Given};
use crate::context::Context;
use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  helvetisafe config show
  helvetisafe --profile prod config show --json";

/// Show the configuration.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print every setting with its source; a secret is never shown.
    ///
    /// Fails with status 2 when something is missing or doubled. No network.
    #[command(after_help = EXAMPLES)]
    Show,
}

pub(crate) fn run(command: &Command, context: &Context) -> Result<(), Failure> {
    let Command::Show = command;
    let config = context.config()?;
    let rows = rows(config);
    if context.json() {
        context.output.json(&Json {
            file: config
                .profile
                .as_ref()
                .map(|profile| profile.file.display().to_string()),
            profile: config.profile.as_ref().map(|profile| profile.name.as_str()),
            settings: rows,
        })?;
    } else {
        table(config, &rows, context)?;
    }
    config.check()
}

/// What `--json` prints; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    file: Option<String>,
    profile: Option<&'a str>,
    settings: Vec<Row>,
}

/// One setting in one place.
#[derive(Serialize)]
struct Row {
    setting: &'static str,
    value: Option<String>,
    source: Option<String>,
    overridden: bool,
}

fn rows(config: &Config) -> Vec<Row> {
    let rows = Setting::ALL.into_iter().flat_map(|setting| {
        let used = config.used_all(setting).map(|found| Row::new(found, false));
        let overridden = config
            .overridden(setting)
            .map(|found| Row::new(found, true));
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

    fn new(found: &Found, overridden: bool) -> Self {
        Self {
            setting: found.setting.name(),
            value: Some(shown(&found.given)),
            source: Some(found.place.to_string()),
            overridden,
        }
    }
}

/// A secret is never shown; where it is, is.
fn shown(given: &Given) -> String {
    match given {
        Given::Text(text) => text.clone(),
        Given::Path(path) => path.display().to_string(),
        Given::Secret(_) => "[redacted]".to_owned(),
        Given::Command(argv) => format!("`{}`", argv.join(" ")),
    }
}

fn table(config: &Config, rows: &[Row], context: &Context) -> Result<(), Failure> {
    let output = &context.output;
    match &config.profile {
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
