//! `config remove PROFILE`.

use std::path::PathBuf;

use serde::Serialize;

use crate::advice;
use crate::failure::Failure;
use crate::settings::{ConfigFile, RemovedProfile, SettingsArgs};
use crate::ui::messages::Messages;
use crate::ui::{Ui, prompt};

const EXAMPLES: &str = "\
Examples:
  helvetisafe config remove old
  helvetisafe config remove ci --yes";

/// Remove a profile from the configuration file, and the files with secrets that `init` made for it.
///
/// Other files stay, and so do the account in the vault, its secrets and the remembered org key. On a terminal
/// it asks first; without one it needs --yes. No network.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The profile.
    #[arg(value_name = "PROFILE")]
    name: String,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    file: String,
    profile: &'a str,
    removed: Vec<String>,
    left: Vec<String>,
}

pub(super) fn run(args: &Args, settings: &SettingsArgs, ui: &Ui) -> Result<(), Failure> {
    let config = ConfigFile::load_to_change(settings)?;
    let removed = RemovedProfile::new(config, &args.name)?;
    if !args.yes {
        confirm(&removed, ui.messages)?;
    }
    removed.remove()?;
    report(&removed, ui)
}

fn confirm(removed: &RemovedProfile, messages: Messages) -> Result<(), Failure> {
    let files: Vec<_> = shown(&removed.files.unused)
        .map(|path| format!(", and {path}"))
        .collect();
    let question = format_args!(
        "remove the profile `{}` from {}{}?",
        removed.profile.name,
        removed.file().display(),
        files.concat()
    );
    prompt::require_at_terminal(
        "cannot confirm the removal of a profile without a terminal; give --yes",
        question,
        "nothing was removed",
        messages,
    )
}

fn report(removed: &RemovedProfile, ui: &Ui) -> Result<(), Failure> {
    let (file, name) = (removed.file().display(), &*removed.profile.name);
    let files = &removed.files;
    if ui.json {
        return ui.output.json(&Json {
            file: file.to_string(),
            profile: name,
            removed: shown(&files.unused).collect(),
            left: shown(&files.left).collect(),
        });
    }
    let messages = ui.messages;
    messages.note(format_args!("removed the profile `{name}` from {file}"));
    for path in shown(&files.unused) {
        messages.note(format_args!("removed {path}"));
    }
    for path in shown(&files.left) {
        messages.note(format_args!("left {path}"));
    }
    messages.note("the account still exists in the vault; its administrator can delete it there");
    if removed.was_default {
        messages.note(format_args!(
            "{file} has no default profile any more; {} chooses one",
            advice::command("config use PROFILE")
        ));
    }
    Ok(())
}

fn shown(paths: &[PathBuf]) -> impl Iterator<Item = String> {
    paths.iter().map(|path| path.display().to_string())
}
