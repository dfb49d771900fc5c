//! The command line.

mod misplaced;
mod report;
mod tips;

use std::ffi::OsString;
use std::{env, iter};

use clap::{Args, FromArgMatches, Parser, Subcommand};

use crate::commands::Command;
use crate::settings::SettingsArgs;
use crate::ui::UiArgs;

pub(crate) use report::report;

const EXIT_STATUSES: &str = "\
Exit status:
  0  done
  1  another failure
  2  wrong usage or configuration
  3  authentication: the credential was refused
  4  forbidden: the credential may not do this
  5  not found
  6  conflict: it exists already, or has changed meanwhile
  7  too many requests
  8  cryptography or trust: a key, a decryption, a fingerprint that differs
  9  no answer: network, TLS, timeout, the vault is unavailable
  130  interrupted by Ctrl-C, as a shell reports it
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
/// profile in a TOML file. No flag takes a secret, since every user of a machine can see arguments.
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
    pub(crate) ui: UiArgs,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Parses the command line.
///
/// The first parser has only the commands that are named, since all of them together take most of the memory and the
/// time of a start. Everything but a success is left to the complete one: help, suggestions, errors.
pub(crate) fn parse() -> Result<Cli, clap::Error> {
    let words: Vec<OsString> = env::args_os().collect();
    parse_named(&words).map_or_else(|| Cli::try_parse_from(&words), Ok)
}

fn parse_named(words: &[OsString]) -> Option<Cli> {
    let mut matches = only_named(words).try_get_matches_from(words).ok()?;
    Cli::from_arg_matches_mut(&mut matches).ok()
}

/// Returns the parser with those commands that have a word as their name.
fn only_named(words: &[OsString]) -> clap::Command {
    let program = || clap::Command::new("helvetisafe");
    let commands = Command::augment_subcommands_for_update(program());
    let commands = commands.get_subcommands().filter(|command| {
        let mut names = iter::once(command.get_name()).chain(command.get_all_aliases());
        names.any(|name| words.iter().any(|word| word == name))
    });
    let options = SettingsArgs::augment_args(UiArgs::augment_args(program()));
    options.subcommands(commands.cloned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn only_the_named_commands_are_built() {
        let words = ["helvetisafe", "--profile", "list", "cat", "a"].map(OsString::from);
        let program = only_named(&words);
        let names: Vec<_> = program
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        assert_eq!(names, ["get", "list"]);
        let options = |command: &clap::Command| command.get_arguments().count();
        assert_eq!(program.get_subcommands().map(options).sum::<usize>(), 0);
    }

    #[test]
    fn the_examples_parse_without_the_other_commands() {
        let mut program = Cli::command();
        program.build();
        let help = everything_below(&program)
            .into_iter()
            .filter_map(|command| Some(format!("{}\n", command.get_after_help()?)))
            .collect::<String>();
        let examples = help.lines().filter_map(|line| {
            let line = line.trim_start();
            let is_plain = !line.contains(['|', '&', '<', '>', '$', '"', '\'', '\\', '(']);
            (is_plain && line.starts_with("helvetisafe ")).then_some(line)
        });
        let mut parsed = 0;
        for example in examples {
            let words: Vec<_> = example.split_whitespace().map(OsString::from).collect();
            assert!(parse_named(&words).is_some(), "{example}");
            parsed += 1;
        }
        assert!(parsed > 60, "{parsed}");
    }

    fn everything_below(command: &clap::Command) -> Vec<&clap::Command> {
        let below = command.get_subcommands().flat_map(everything_below);
        iter::once(command).chain(below).collect()
    }

    #[test]
    fn what_is_refused_is_refused_without_the_other_commands() {
        for line in [
            "helvetisafe",
            "helvetisafe --version",
            "helvetisafe help get",
            "helvetisafe get --help",
            "helvetisafe gt a",
            "helvetisafe get",
            "helvetisafe get a --no-such",
            "helvetisafe --quiet --verbose get a",
            "helvetisafe get a --allow-unbound --require-binding",
            "helvetisafe org",
            "helvetisafe org invite",
            "helvetisafe token create",
            "helvetisafe config",
        ] {
            let words: Vec<_> = line.split(' ').map(OsString::from).collect();
            assert!(parse_named(&words).is_none(), "{line}");
            assert!(Cli::try_parse_from(&words).is_err(), "{line}");
        }
    }

    #[test]
    fn the_help_of_every_command_has_examples() {
        let has_examples = |command: &clap::Command| {
            let help = command.get_after_help().map(ToString::to_string);
            help.is_some_and(|help| help.contains("Examples:"))
        };
        let commands = Cli::command();
        for command in commands.get_subcommands().filter(|it| !it.is_hide_set()) {
            let mut below = command.get_subcommands();
            let all_below = command.has_subcommands() && below.all(has_examples);
            assert!(has_examples(command) || all_below, "{command}");
        }
    }
}
