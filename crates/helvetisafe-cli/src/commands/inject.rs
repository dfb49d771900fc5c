//! `inject TEMPLATE`: fills secrets into a template; `inject --output-dir DIR`: writes one file per secret.

mod files;
#[cfg(feature = "templates")]
mod fill;
#[cfg(feature = "templates")]
mod template;

use std::path::PathBuf;

use crate::failure::Failure;
use crate::session::Vault;
use crate::ui::Ui;
use files::Files;
#[cfg(feature = "templates")]
use fill::fill;

const EXAMPLES: &str = "\
Examples:
  helvetisafe inject app.toml.tmpl -o app.toml
  echo 'url = \"postgres://app:{{ secret \"DB_PASSWORD\" }}@db\"' | helvetisafe inject -
  helvetisafe inject --output-dir /run/secrets --prefix DB_
  helvetisafe inject --output-dir /run/secrets --key TLS_KEY --key TLS_CERTIFICATE";

/// Fill {{ secret "KEY" }} and {{ secret "KEY" "FIELD" }} in a template; or write one file per
/// secret.
///
/// {{ variable "NAME" }} is the value of a variable of the project file. Values are filled in exactly, with nothing escaped or added. If a template has anything unknown in
/// it, all of that is named, and nothing is written. \{{ stands for {{ itself.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The template, or - for standard input.
    #[arg(value_name = "TEMPLATE", required_unless_present = "output_dir")]
    template: Option<PathBuf>,
    /// Write a file with mode 0600 instead of standard output.
    #[arg(long, short, value_name = "FILE", conflicts_with = "output_dir")]
    output: Option<PathBuf>,
    #[command(flatten)]
    files: Files,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    match &args.template {
        Some(path) => fill(path, args.output.as_deref(), vault, ui),
        None => args.files.write(vault, ui),
    }
}

#[cfg(not(feature = "templates"))]
fn fill(
    _: &std::path::Path,
    _: Option<&std::path::Path>,
    _: &Vault,
    _: &Ui,
) -> Result<(), Failure> {
    Err(Failure::usage(
        "this command fills no templates: it was built without the feature `templates`; --output-dir \
         writes one file per secret",
    ))
}
