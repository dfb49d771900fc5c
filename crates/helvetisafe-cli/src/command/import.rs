//! `import FILE|-`: the names and values of a file become secrets.

mod dotenv;
mod entry;
mod report;
mod source;
mod structured;
mod write;

use std::path::PathBuf;

use helvetisafe::Secrets;

use crate::context::Context;
use crate::failure::Failure;
use crate::input;
use crate::progress::Progress;
use entry::Entry;
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
/// are checked before anything is written. What fails is listed and the rest stands; running the
/// command again finishes it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file, or - for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What the file is, where its name does not tell.
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Only show what would be created, updated and left alone, never a value.
    #[arg(long)]
    dry_run: bool,
    /// Update secrets that exist; without it they are left alone.
    #[arg(long)]
    overwrite: bool,
    /// Only names that begin with this.
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let entries = read(args, context)?;
    // Before the bar, since a person may be asked.
    if args.dry_run {
        context.client()?;
    } else {
        context.client_to_write()?;
    }
    let progress = Progress::new(entries.len(), context);
    let import = |secrets: Secrets<'_>| {
        let writer = Writer::new(secrets, args.overwrite, args.dry_run);
        let write = |entry| writer.write(entry);
        secrets.each(&entries, write, |_| progress.advance())
    };
    // One that writes is the reader too.
    let outcomes = context.read(import)?;
    drop(progress);
    Report {
        file: input::name(&args.file),
        dry_run: args.dry_run,
        entries: entries.iter().zip(&outcomes).collect(),
    }
    .print(context)
}

/// The entries of the file; or all that is wrong with them.
fn read(args: &Args, context: &Context) -> Result<Vec<Entry>, Failure> {
    let format = match args.format {
        Some(format) => format,
        None => Format::of(&args.file)?,
    };
    let text = input::read(&args.file)?;
    let read = source::read(&text, format).and_then(|mut found| {
        if let Some(prefix) = &args.prefix {
            found.retain(|found| found.name.starts_with(prefix));
        }
        entry::check(found)
    });
    read.map_err(|problems| {
        for problem in &problems {
            let message = format_args!("{}: {problem}", input::name(&args.file));
            context.messages.failure(&Failure::usage(message));
        }
        Failure::usage("nothing was imported")
    })
}
