//! `export --format FORMAT`: prints secrets in the syntax of another program.

mod docker;
mod dotenv;
mod fish;
mod format;
mod github;
mod json;
mod k8s;
mod powershell;
mod shell;
mod systemd;
pub(super) mod text;
mod yaml;

use std::path::PathBuf;

use clap::ValueEnum;
use secrecy::ExposeSecret;

use super::selection::{SelectionArgs, Variable, refuse};
use crate::failure::Failure;
use crate::session::{OfflineArgs, Reader, Vault};
use crate::ui::Ui;
use crate::ui::output_file::{self, AccessArgs};
use format::Format;
use k8s::ManifestArgs;

const EXAMPLES: &str = "\
Examples:
  eval \"$(helvetisafe export --format shell --prefix APP_ || echo false)\"
  helvetisafe export --format fish --key TOKEN | source
  helvetisafe export --format docker --output app.env && docker run --env-file app.env app
  helvetisafe export --format k8s --name app --namespace prod | kubectl apply -f -
  helvetisafe export --format github --output \"$GITHUB_ENV\"";

/// Print secrets in the syntax of another program.
///
/// Names and values that the format cannot hold are refused before anything is written.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The syntax.
    #[arg(long, short, value_enum)]
    format: Format,
    /// Write a file with mode 0600 instead of standard output, which - stands for. For github it is
    /// required, and appended to.
    #[arg(long, short, value_name = "FILE", group = "destination")]
    output: Option<PathBuf>,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    manifest: ManifestArgs,
    #[command(flatten)]
    offline: OfflineArgs,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    args.manifest.check(args.format == Format::K8s)?;
    let output = output_file::named(&args.output);
    if args.format == Format::Github && output.is_none() {
        return Err(Failure::usage(
            "github needs --output \"$GITHUB_ENV\": its standard output is for the masks",
        ));
    }
    if args.format == Format::Github && args.access.is_set() {
        return Err(Failure::usage(
            "--mode and --group do not apply to github, which appends to the runner's file; leave them out",
        ));
    }
    let variables = args.variables(vault, ui)?;
    let text = args.format.text(&variables, &args.manifest)?;
    match output {
        Some(path) if args.format == Format::Github => github::append(path, &text, &variables, ui),
        Some(path) => output_file::write(path, text.as_bytes(), args.access.access(), ui.messages),
        None if text.is_empty() => Ok(()),
        // On a terminal it is escaped.
        None => ui.output.line(text.strip_suffix('\n').unwrap_or(&text)),
    }
}

/// Returns the formats that refuse a name; `None` if all hold it.
pub(super) fn formats_without(name: &str) -> Option<String> {
    let formats = Format::value_variants().iter();
    // An empty value would be refused for itself.
    let refusing = formats.filter(|format| format.refusal(name, "x").is_some());
    let names: Vec<_> = refusing
        .filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned()))
        .collect();
    (!names.is_empty()).then(|| names.join(", "))
}

impl Args {
    /// Reads the variables. Fails if the format cannot hold one of them.
    fn variables(&self, vault: &Vault, ui: &Ui) -> Result<Vec<Variable>, Failure> {
        let variables = Reader::with(&self.offline, vault, |reader| {
            self.selection.variables(reader)
        })?;
        refuse(&variables, ui.messages, |variable| {
            let reason = self
                .format
                .refusal(&variable.name, variable.value.expose_secret());
            match reason {
                Some(reason) => Some(format!("{} {reason}", variable.described())),
                None if self.format.is_environment() => self.selection.danger(variable),
                None => None,
            }
        })?;
        Ok(variables)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zeroize::Zeroizing;

    use super::*;

    /// Texts of all kinds, most of them made of special characters of some syntax.
    pub(super) fn values() -> impl Strategy<Value = String> {
        let pieces = prop_oneof![
            4 => proptest::sample::select(&[
                "'", "''", "\"", "\\", "\\\\", "`", "$", "$(id)", "${HOME}", "$HOME", "${", "}", "%", "!",
                "\n", "\n\n", "\r", "\r\n", "\t", " ", "  ", "#", " #", "=", ";", "&", "|", "*", "~", ":",
                "- ", "? ", "---", "\\n", "\\u0041", "%0A", "EOF", "NAME=x", "export ", "::stop::",
                "\u{1b}[2J", "\u{7f}", "\u{85}", "\u{a0}", "\u{2028}", "\u{2019}", "\u{2018}", "\u{feff}",
                "\u{fffe}", "é", "🔑", "\0",
            ][..]).prop_map(str::to_owned),
            1 => "[a-z]{1,3}",
            1 => any::<char>().prop_map(String::from),
        ];
        prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat())
    }

    /// Returns the text of a format.
    pub(super) fn text(format: Format, variables: &[Variable]) -> Zeroizing<String> {
        let manifest = ManifestArgs::new("name", Some("space"));
        format.text(variables, &manifest).unwrap()
    }
}
