//! What the user typed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Parser};

use crate::command::{Command, run};
use crate::terminal::ColorChoice;

const EXIT_STATUSES: &str = "\
Exit status:
  0  done
  1  another failure
  2  wrong usage or configuration
  3  authentication: the credential was refused
  4  forbidden: the credential may not do this
  5  not found
  6  conflict: it exists already
  7  too many requests
  8  cryptography or trust: a key, a decryption, a fingerprint that differs
  9  no answer: network, TLS, timeout, the vault is unavailable
With several keys all are tried, and the status is the first failure's. `run` ends as its program
ends, and with 125 when it failed itself.";

const EXAMPLES: &str = "\
Examples:
  printf %s \"$value\" | helvetisafe set DB_PASSWORD
  helvetisafe get DB_PASSWORD
  helvetisafe list --expiring-within 7d
  helvetisafe config show";

/// Secrets of a HelvetiSafe vault. Values are encrypted and decrypted here; the vault only ever
/// holds ciphertext.
///
/// The vault and the credentials come from flags, else from HELVETISAFE_… variables, else from a
/// profile in a TOML file. No flag takes a secret: arguments are seen by every user of a machine.
#[derive(Parser)]
#[command(
    name = "helvetisafe",
    bin_name = "helvetisafe",
    version,
    after_help = EXAMPLES,
    after_long_help = format!("{EXAMPLES}\n\n{EXIT_STATUSES}")
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The options of every command.
#[derive(Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Print JSON; its shape is documented and stable.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print no notes: only results, warnings and failures.
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Tell each request, its time and its repetitions on standard error; never a credential.
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    /// When to use colours.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
    /// The configuration file [else HELVETISAFE_CONFIG,
    /// else $XDG_CONFIG_HOME/helvetisafe/config.toml].
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The profile in it [else HELVETISAFE_PROFILE, else `default_profile` in the file].
    #[arg(long, global = true, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) profile: Option<String>,
    /// Use key, secret, configuration and state files that other users can read or write.
    #[arg(long, global = true)]
    pub(crate) insecure_permissions: bool,
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
}

/// The settings that can be given as a flag. [`crate::config::table`] has all of them.
#[derive(Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct SettingFlags {
    /// Where the vault is [else HELVETISAFE_BASE_URL].
    #[arg(long, global = true, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    base_url: Option<String>,
    /// The id of the service account [else HELVETISAFE_CLIENT_ID].
    #[arg(long, global = true, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    client_id: Option<String>,
    /// A file with the secret of the service account [else HELVETISAFE_CLIENT_SECRET].
    #[arg(long, global = true, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// A file with a portal API token [else HELVETISAFE_API_TOKEN].
    #[arg(long, global = true, value_name = "FILE")]
    api_token_file: Option<PathBuf>,
    /// The private key, PEM [else HELVETISAFE_PRIVATE_KEY_PATH].
    #[arg(long, global = true, value_name = "FILE")]
    private_key_path: Option<PathBuf>,
    /// A file with the passphrase of an encrypted private key.
    #[arg(long, global = true, value_name = "FILE")]
    private_key_passphrase_file: Option<PathBuf>,
    /// A file with the password of the private key that the vault keeps
    /// [else HELVETISAFE_PASSWORD].
    #[arg(long, global = true, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// One more certificate authority to trust, PEM [else HELVETISAFE_CA_CERTIFICATE].
    #[arg(long, global = true, value_name = "FILE")]
    ca_certificate: Option<PathBuf>,
    /// The time for all the work with the vault, such as 10s or 2m [else HELVETISAFE_TIMEOUT,
    /// else 30s; for import and delete 30s each secret].
    #[arg(long, global = true, value_name = "TIME", value_parser = NonEmptyStringValueParser::new())]
    timeout: Option<String>,
    /// The fingerprint that the org key must have, SHA256:… [else
    /// HELVETISAFE_ORG_KEY_FINGERPRINT, else the one remembered on first use; see `trust`].
    #[arg(long, global = true, value_name = "FINGERPRINT", value_parser = NonEmptyStringValueParser::new())]
    org_key_fingerprint: Option<String>,
    /// Allow a first write without a terminal, under the org key that the vault gives
    /// [else HELVETISAFE_TRUST_FIRST_USE].
    #[arg(long, global = true)]
    trust_first_use: bool,
    /// Read secrets whose only field has the name of another secret, although a hostile vault may have
    /// exchanged them [else HELVETISAFE_ALLOW_UNBOUND].
    #[arg(long, global = true, conflicts_with = "require_binding")]
    allow_unbound: bool,
    /// Refuse secrets that do not name their key inside the encryption: multi-field secrets and legacy
    /// text [else HELVETISAFE_REQUIRE_BINDING].
    #[arg(long, global = true)]
    require_binding: bool,
}

impl SettingFlags {
    /// What was given with a flag.
    pub(crate) fn get(&self, flag: &str) -> Option<&OsStr> {
        match flag {
            "--base-url" => text(&self.base_url),
            "--client-id" => text(&self.client_id),
            "--client-secret-file" => path(&self.client_secret_file),
            "--api-token-file" => path(&self.api_token_file),
            "--private-key-path" => path(&self.private_key_path),
            "--private-key-passphrase-file" => path(&self.private_key_passphrase_file),
            "--password-file" => path(&self.password_file),
            "--ca-certificate" => path(&self.ca_certificate),
            "--timeout" => text(&self.timeout),
            "--org-key-fingerprint" => text(&self.org_key_fingerprint),
            "--trust-first-use" => switch(self.trust_first_use),
            "--allow-unbound" => switch(self.allow_unbound),
            "--require-binding" => switch(self.require_binding),
            _ => None,
        }
    }
}

fn text(value: &Option<String>) -> Option<&OsStr> {
    value.as_deref().map(OsStr::new)
}

fn path(value: &Option<PathBuf>) -> Option<&OsStr> {
    value.as_deref().map(Path::as_os_str)
}

fn switch(is_given: bool) -> Option<&'static OsStr> {
    is_given.then(|| OsStr::new("true"))
}

/// Prints help and the version; says in the words of every other failure why arguments are wrong.
pub(crate) fn refuse(error: &clap::Error) -> ExitCode {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        // A reader that has gone away ends it quietly.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
        return wrong_usage();
    }
    if may_echo_a_value(error) {
        eprintln!("helvetisafe: {}", unechoed(error));
        return wrong_usage();
    }
    let text = error.render().to_string();
    eprint!(
        "helvetisafe: {}",
        text.strip_prefix("error: ").unwrap_or(&text)
    );
    wrong_usage()
}

/// Whether what was not understood may be a value that somebody meant to write.
fn may_echo_a_value(error: &clap::Error) -> bool {
    let is_about_a_text = matches!(
        error.kind(),
        ErrorKind::UnknownArgument | ErrorKind::InvalidValue | ErrorKind::ValueValidation
    );
    is_about_a_text && matches!(subcommand().as_deref(), Some("set" | "create" | "update"))
}

/// What is wrong, without the text that may be a value.
fn unechoed(error: &clap::Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text),
        _ => None,
    };
    let is_unknown = error.kind() == ErrorKind::UnknownArgument;
    let what = match (is_unknown, context(ContextKind::InvalidArg)) {
        (false, Some(option)) => format!("what is given for `{option}`"),
        _ => "an argument".to_owned(),
    };
    let near = match context(ContextKind::SuggestedArg) {
        Some(near) => format!(" (did you mean `{near}`?)"),
        None => String::new(),
    };
    format!(
        "{what} is not understood{near}; it is not repeated here, since it may be a value, which is \
         never an argument: pipe it in, or use --value-file; `--help` shows the options"
    )
}

/// `run` has one status for all of its own failures, since the others are its program's.
fn wrong_usage() -> ExitCode {
    let is_run = subcommand().as_deref() == Some("run");
    ExitCode::from(if is_run { run::FAILED } else { 2 })
}

/// The command that was meant, though its arguments are wrong.
fn subcommand() -> Option<String> {
    let matches = Cli::command().ignore_errors(true).try_get_matches().ok()?;
    matches.subcommand_name().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::table::{Form, WAYS};

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_of_every_command_has_examples() {
        let has_examples = |command: &clap::Command| {
            let help = command.get_after_help().map(ToString::to_string);
            help.is_some_and(|help| help.contains("Examples:"))
        };
        for command in Cli::command().get_subcommands() {
            let mut below = command.get_subcommands();
            let all_below = command.has_subcommands() && below.all(has_examples);
            assert!(has_examples(command) || all_below, "{command}");
        }
    }

    #[test]
    fn every_flag_of_the_table_is_an_argument_and_is_read() {
        for (way, flag) in WAYS.iter().filter_map(|way| Some((way, way.flag?))) {
            let (value, expected) = match way.form {
                Form::Switch => (None, "true"),
                _ => (Some("value"), "value"),
            };
            let arguments = ["helvetisafe", "list", flag].into_iter().chain(value);
            let cli = Cli::try_parse_from(arguments).unwrap();
            let given = cli.global.settings.get(flag);
            assert_eq!(given, Some(OsStr::new(expected)), "{flag}");
        }
    }
}
