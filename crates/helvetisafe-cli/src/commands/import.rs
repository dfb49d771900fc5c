//! `import FILE|-`: turns the names and values of a file into secrets.

pub(super) mod dotenv;
pub(super) mod new_secret;
pub(super) mod pair;
mod report;
mod source;
mod structured;
mod write;

use std::path::PathBuf;

use helvetisafe::Secrets;

use super::export;
use super::selection::refused_from_vault;
use crate::failure::Failure;
use crate::session::Vault;
use crate::ui::messages::Messages;
use crate::ui::progress::Progress;
use crate::ui::terminal::escape_line;
use crate::ui::{Ui, input_file};
use new_secret::NewSecret;
use report::Report;
use source::Format;
use write::Writer;

const EXAMPLES: &str = "\
Examples:
  helvetisafe import .env --dry-run
  helvetisafe import .env
  helvetisafe import secrets.json --overwrite
  sops --decrypt secrets.yaml | helvetisafe import - --format yaml";

/// Import the names and values of a dotenv, JSON or YAML file.
///
/// In JSON and YAML a value that is itself an object becomes a secret with several fields. All names
/// are checked before anything is written. Failures are listed; running the command again completes
/// the import.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file, or - for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The format of the file, if its name does not show it.
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Only show which secrets would be created, updated or left unchanged, never a value.
    #[arg(long)]
    dry_run: bool,
    /// Update secrets that exist; without it they are left unchanged.
    #[arg(long)]
    overwrite: bool,
    /// With --overwrite, update a secret even if it has fields that it does not have in the file: they are lost.
    #[arg(long, requires = "overwrite")]
    drop_fields: bool,
    /// Only names that begin with this.
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let secrets = read(args, ui.messages)?;
    let keys = secrets.iter().map(|secret| &secret.key);
    // Without --overwrite no secret is read.
    let keys = keys.filter(|_| args.overwrite);
    // Connects before the progress bar appears, since the user may be asked for a password.
    let trusted = if args.dry_run {
        vault.client_for(keys)?;
        vault.check_trust_to_write()
    } else {
        vault.client_to_write_over(keys)?;
        Ok(())
    };
    let progress = Progress::new(secrets.len(), ui.messages);
    let time_left = vault.budget()?.left();
    let import = |target: Secrets<'_>| {
        let writer = Writer::new(target, args, time_left);
        let write = |secret| writer.write(secret);
        target.each(&secrets, write, |_| progress.advance())
    };
    // A client that writes reads too.
    let outcomes = vault.read(import)?;
    drop(progress);
    let outcomes = outcomes.into_iter();
    let explain = |failure| vault.explain_org_key(failure);
    let outcomes: Vec<_> = outcomes.map(|it| it.explained(explain)).collect();
    for (secret, outcome) in secrets.iter().zip(&outcomes) {
        if outcome.shows_existence(args.dry_run) {
            vault.note_name(&secret.key, true);
        }
        if let Some(field) = secret.only_field().filter(|_| outcome.is_written()) {
            vault.warn_of_unbound(&secret.key, field)?;
        }
    }
    let imported = Report {
        file: input_file::name(&args.file),
        dry_run: args.dry_run,
        outcomes: secrets
            .iter()
            .map(|secret| &secret.key)
            .zip(outcomes)
            .collect(),
    }
    .print(vault.budget()?, ui);
    // The plan is shown first, since it holds once the org key is trusted.
    trusted.and(imported)
}

/// Reads the secrets in the file, or reports everything that is wrong in it.
fn read(args: &Args, messages: Messages) -> Result<Vec<NewSecret>, Failure> {
    let format = match args.format {
        Some(format) => format,
        None => Format::of(&args.file)?,
    };
    let text = input_file::read(&args.file)?;
    let (mut pairs, mut problems) = source::read(&text, format);
    if let Some(prefix) = &args.prefix {
        pairs.retain(|pair| pair.name.starts_with(prefix));
    }
    let (secrets, more) = new_secret::check(pairs);
    problems.extend(more);
    let file = input_file::name(&args.file);
    if problems.is_empty() {
        warn_of_refused_names(&secrets, &file, messages);
        return Ok(secrets);
    }
    problems.sort_by_key(|problem| problem.line);
    for problem in &problems {
        let message = match problem.line {
            Some(line) => format!("{file}, line {line}: {}", problem.message),
            None => format!("{file}: {}", problem.message),
        };
        messages.failure(&Failure::usage(message));
    }
    Err(Failure::usage("nothing was imported"))
}

/// Names what would become variables that `run` and `export` refuse.
fn warn_of_refused_names(secrets: &[NewSecret], file: &str, messages: Messages) {
    for secret in secrets {
        for (shown, name) in secret.variables() {
            let line = secret.line;
            let other = format!(
                "another name with --exclude {} --env OTHER={shown}",
                secret.key
            );
            if let Some(reason) = refused_from_vault(name) {
                messages.warning(format_args!(
                    "{file}, line {line}: `{shown}` is a name that {reason}; `run` and `export` will need \
                     --allow-name {}, or {other}",
                    escape_line(name),
                ));
            } else if let Some(formats) = export::formats_without(name) {
                messages.warning(format_args!(
                    "{file}, line {line}: `{shown}` is a name that `export` refuses in the formats {formats}; there it \
                     will need {other}"
                ));
            }
        }
    }
}
