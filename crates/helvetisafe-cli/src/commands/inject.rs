//! `inject TEMPLATE`: fills secrets into a template; `inject --output-dir DIR` and `--env-file FILE`: writes
//! one file per secret, or one file for all.

mod files;
#[cfg(feature = "templates")]
mod fill;
#[cfg(feature = "templates")]
mod template;

use std::path::{Path, PathBuf};

use clap::ArgGroup;
use serde::Serialize;

use super::env_file::{self, Form};
use super::selection::SelectionArgs;
use crate::failure::Failure;
use crate::session::{OfflineArgs, Reader, Vault};
use crate::ui::Ui;
use crate::ui::output_file::{self, AccessArgs};
#[cfg(feature = "templates")]
use fill::fill;

const EXAMPLES: &str = "\
Examples:
  helvetisafe inject app.toml.tmpl -o app.toml
  echo 'url = \"postgres://app:{{ secret \"DB_PASSWORD\" }}@db\"' | helvetisafe inject -
  helvetisafe inject --output-dir /run/secrets --prefix DB_
  helvetisafe inject --output-dir /run/secrets --env tls.key=TLS.KEY --env tls.crt=TLS.CERTIFICATE
  helvetisafe inject --env-file /run/secrets/app.env --prefix APP_";

/// Fill {{ secret "KEY" }} and {{ secret "KEY" "FIELD" }} in a template; or write one file per
/// secret, or one file of lines NAME=value.
///
/// {{ variable "NAME" }} is the value of a variable of the project file. Values are filled in exactly, with
/// nothing escaped or added. If a template has anything unknown in it, all of that is named, and nothing is
/// written. \{{ stands for {{ itself.
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    group = ArgGroup::new("destination").args(["output", "output_dir", "env_file"])
)]
pub(crate) struct Args {
    /// The template, or - for standard input.
    #[arg(
        value_name = "TEMPLATE",
        required_unless_present_any = ["output_dir", "env_file"],
        conflicts_with_all = ["output_dir", "env_file", "env_file_form", "keys", "prefix", "renamed", "all", "allowed"]
    )]
    template: Option<PathBuf>,
    /// Write a file with mode 0600 instead of standard output, which - stands for.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write each secret into a file of its name in this folder, which is created if it does not exist.
    ///
    /// The files have mode 0600 and a new folder 0700. A multi-field secret becomes one file for each
    /// field, named by the field. Other files in the folder stay unchanged.
    #[arg(long, value_name = "DIR", value_parser = output_file::folder())]
    output_dir: Option<PathBuf>,
    /// Write one file of lines NAME=value, with mode 0600, as the service's Kubernetes package does: a line
    /// feed in a value is written as \n, and nothing else is escaped. - stands for standard output.
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// The form of the lines; quoted ones are NAME="value", with \n, \" and \\.
    #[arg(
        long,
        value_name = "FORM",
        default_value = "plain",
        requires = "env_file"
    )]
    env_file_form: Form,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    offline: OfflineArgs,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    if let Some(path) = &args.template {
        return fill(path, args, vault, ui);
    }
    // All secrets are read before the first file is written.
    let variables = Reader::with(&args.offline, vault, |reader| {
        args.selection.variables(reader)
    })?;
    match &args.env_file {
        Some(_) => {
            let form = args.env_file_form;
            let text = env_file::text(form, &variables, &args.selection, ui.messages)?;
            let mut keys: Vec<_> = variables.iter().map(|it| it.key().as_str()).collect();
            keys.dedup();
            args.deliver(&text, keys, &args.env_file, ui)
        }
        None => {
            let folder = args.output_dir.as_deref().unwrap_or(Path::new("."));
            files::write(folder, &variables, args.access.access(), ui)
        }
    }
}

impl Args {
    /// Writes a text made from secrets into a file, or prints it.
    fn deliver(
        &self,
        text: &str,
        keys: Vec<&str>,
        output: &Option<PathBuf>,
        ui: &Ui,
    ) -> Result<(), Failure> {
        let output = output_file::named(output);
        if let Some(file) = output {
            output_file::write(file, text.as_bytes(), self.access.access(), ui.messages)?;
        }
        if ui.json {
            return ui.output.json(&Json {
                keys,
                output: output.map(|file| file.display().to_string()),
                text: output.is_none().then_some(text),
            });
        }
        match output {
            Some(file) => {
                ui.messages.done(format_args!("wrote {}", file.display()));
                Ok(())
            }
            None => ui.output.value(text),
        }
    }
}

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    keys: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

#[cfg(not(feature = "templates"))]
fn fill(_: &Path, _: &Args, _: &Vault, _: &Ui) -> Result<(), Failure> {
    Err(Failure::usage(
        "this command fills no templates: it was built without the feature `templates`; --output-dir \
         writes one file per secret",
    ))
}
