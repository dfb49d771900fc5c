//! The command line.

use std::borrow::Cow;
use std::ffi::OsString;
use std::process::ExitCode;
use std::{env, iter};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::{Command, run};
use crate::settings::SettingsArgs;
use crate::ui::UiArgs;
use crate::ui::terminal::escape_line;

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

/// Prints help, the version, or what is wrong with the arguments, in the form of every other failure.
pub(crate) fn report(error: &clap::Error) -> ExitCode {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        // A reader that closes the pipe is no failure.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
        return wrong_usage();
    }
    if may_quote_a_value(error) {
        eprintln!("helvetisafe: {}", without_value(error));
        return wrong_usage();
    }
    if let Some(text) = text_after_list(error) {
        eprintln!(
            "helvetisafe: `list` takes no names; give a pattern with --match '{text}', in quotes, or the \
             beginning of the names with --prefix; `get` prints values"
        );
        return wrong_usage();
    }
    if let Some(text) = text_before_program(error) {
        eprintln!("helvetisafe: {text}");
        return wrong_usage();
    }
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    eprint!("helvetisafe: {}", with_possible_values(text, error));
    wrong_usage()
}

/// Explains that a program comes after `--`, if the error is about one that does not.
fn text_before_program(error: &clap::Error) -> Option<String> {
    let context = |kind| match error.get(kind)? {
        ContextValue::String(text) => Some(text.as_str()),
        _ => None,
    };
    let is_text = |text: &&str| !text.starts_with('-');
    let is_run = || subcommand().as_deref() == Some("run");
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let text = context(ContextKind::InvalidArg).filter(is_text)?;
            is_run().then(|| {
                format!(
                    "`{}` is not an option of `run`; put `--` before the program and its arguments: `helvetisafe run \
                     [OPTIONS] -- CMD ARG…`",
                    escape_line(text)
                )
            })
        }
        ErrorKind::ValueValidation => {
            let option = context(ContextKind::InvalidArg)?;
            let text = context(ContextKind::InvalidValue)?;
            let is_time = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
            (option.starts_with("--watch") && !is_time && is_run()).then(|| {
                let text = escape_line(text);
                format!(
                    "`{text}` is not a time for --watch; if it is the program, put `--` before it: `helvetisafe run \
                     --watch -- {text}`"
                )
            })
        }
        _ => None,
    }
}

/// Adds the possible values of options that are missing.
fn with_possible_values(text: &str, error: &clap::Error) -> String {
    let Some(ContextValue::Strings(missing)) = error
        .get(ContextKind::InvalidArg)
        .filter(|_| error.kind() == ErrorKind::MissingRequiredArgument)
    else {
        return text.to_owned();
    };
    let mut cli = Cli::command();
    cli.build();
    let command = subcommand();
    let command = command.and_then(|name| cli.find_subcommand(name));
    let options = command.into_iter().flat_map(clap::Command::get_arguments);
    let mut text = text.to_owned();
    for option in options.filter(|option| missing.contains(&option.to_string())) {
        let values = option.get_possible_values();
        let names: Vec<_> = values.iter().map(|value| value.get_name()).collect();
        if !names.is_empty() {
            let line = format!("  {option}\n");
            let values = format!("  {option}\n  [possible values: {}]\n", names.join(", "));
            text = text.replacen(&line, &values, 1);
        }
    }
    text
}

/// Returns the text that was given to `list` without an option; a shell may have made it from a pattern.
fn text_after_list(error: &clap::Error) -> Option<Cow<'_, str>> {
    let is_list = || subcommand().as_deref() == Some("list");
    match error.get(ContextKind::InvalidArg)? {
        ContextValue::String(text)
            if error.kind() == ErrorKind::UnknownArgument
                && !text.starts_with('-')
                && is_list() =>
        {
            Some(escape_line(text))
        }
        _ => None,
    }
}

/// Returns true if the error may quote a value that the user wanted to write.
fn may_quote_a_value(error: &clap::Error) -> bool {
    let is_about_a_text = matches!(
        error.kind(),
        ErrorKind::UnknownArgument | ErrorKind::InvalidValue | ErrorKind::ValueValidation
    );
    match subcommand().as_deref() {
        Some("set" | "create" | "update" | "rotate") => is_about_a_text,
        Some("join" | "org" | "token") => error.kind() == ErrorKind::UnknownArgument,
        _ => false,
    }
}

/// Describes the error without the text that may be a value.
fn without_value(error: &clap::Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text),
        _ => None,
    };
    let is_unknown = error.kind() == ErrorKind::UnknownArgument;
    let what = match (is_unknown, context(ContextKind::InvalidArg)) {
        (false, Some(option)) => format!("the value of `{option}`"),
        _ => "an argument".to_owned(),
    };
    let near = match context(ContextKind::SuggestedArg) {
        Some(near) => format!(" (did you mean `{near}`?)"),
        None => String::new(),
    };
    if matches!(subcommand().as_deref(), Some("join" | "org" | "token")) {
        return format!(
            "{what} is invalid{near}; it is not shown, since it may be an invitation code or a token, which cannot be \
             an argument: every user of this machine could see it; pipe it in, give it in a file, or leave it out to be \
             asked on a terminal; if it was one, replace it; `--help` lists the options"
        );
    }
    format!(
        "{what} is invalid{near}; it is not shown, since it may be a secret value, which cannot be an \
         argument; pipe the value in, or use --value-file; `--help` lists the options"
    )
}

/// `run` has one status for all of its own failures: the others are those of its program.
fn wrong_usage() -> ExitCode {
    let is_run = subcommand().as_deref() == Some("run");
    ExitCode::from(if is_run { run::FAILED } else { 2 })
}

/// Returns the name of the command, although its arguments are wrong.
fn subcommand() -> Option<String> {
    let matches = Cli::command().ignore_errors(true).try_get_matches().ok()?;
    matches.subcommand_name().map(str::to_owned)
}

#[cfg(test)]
mod tests {
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
