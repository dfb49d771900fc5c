//! Reports what is wrong with the arguments, in the form of every other failure.

use std::borrow::Cow;
use std::env;
use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Cli, misplaced, tips};
use crate::commands::run;
use crate::ui::terminal::escape_line;

/// Prints help, the version, or what is wrong with the arguments.
pub(crate) fn report(error: clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that closes the pipe is no failure.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
        }
        _ => {
            let words: Vec<_> = env::args().collect();
            let text = misplaced::explain(&error, &commands(), &words);
            let text = text.unwrap_or_else(|| explained(error, &commands()));
            eprintln!("helvetisafe: {}", text.trim_end());
        }
    }
    wrong_usage()
}

/// Describes the error, with the advice that fits the commands.
fn explained(error: clap::Error, commands: &[String]) -> String {
    let command = commands.first().map_or("", String::as_str);
    if may_quote_a_value(&error, command) {
        return without_value(&error, commands);
    }
    if let Some(text) = text_after_list(&error, command) {
        return format!(
            "`list` takes no names; give a pattern with --match '{text}', in quotes, or the beginning of the names \
             with --prefix; `get` prints values"
        );
    }
    if let Some(text) = text_before_program(&error, command) {
        return text;
    }
    let error = tips::add(error, command);
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    with_possible_values(text, &error, commands)
}

pub(super) fn program() -> clap::Command {
    let mut program = Cli::command();
    program.build();
    program
}

/// Returns the command with this name, or that of a command of it.
pub(super) fn find<'a>(
    program: &'a clap::Command,
    commands: &[String],
) -> Option<&'a clap::Command> {
    let mut names = commands.iter();
    names.try_fold(program, |above, name| above.find_subcommand(name))
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        _ => None,
    }
}

/// Explains that a program comes after `--`, if the error is about one that does not.
fn text_before_program(error: &clap::Error, command: &str) -> Option<String> {
    if command != "run" {
        return None;
    }
    let argument = context(error, ContextKind::InvalidArg)?;
    match error.kind() {
        ErrorKind::UnknownArgument if !argument.starts_with('-') => Some(format!(
            "`{}` is not an option of `run`; put `--` before the program and its arguments: `helvetisafe run \
             [OPTIONS] -- CMD ARG…`",
            escape_line(argument)
        )),
        ErrorKind::ValueValidation => {
            let text = context(error, ContextKind::InvalidValue)?;
            let is_time = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
            (argument.starts_with("--watch") && !is_time).then(|| {
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
fn with_possible_values(text: &str, error: &clap::Error, commands: &[String]) -> String {
    let Some(ContextValue::Strings(missing)) = error
        .get(ContextKind::InvalidArg)
        .filter(|_| error.kind() == ErrorKind::MissingRequiredArgument)
    else {
        return text.to_owned();
    };
    let program = program();
    let options = find(&program, commands)
        .into_iter()
        .flat_map(clap::Command::get_arguments);
    let mut text = text.to_owned();
    for option in options.filter(|option| missing.contains(&option.to_string())) {
        let values = option.get_possible_values();
        let names: Vec<_> = values.iter().map(|value| value.get_name()).collect();
        let values = match option.get_long() {
            Some("scopes") => SCOPES.to_owned(),
            _ => names.join(", "),
        };
        if !values.is_empty() {
            let line = format!("  {option}\n");
            let values = format!("  {option}\n  [possible values: {values}]\n");
            text = text.replacen(&line, &values, 1);
        }
    }
    text
}

/// The values of `--scopes` of a new account or token.
const SCOPES: &str =
    "reader, member, administrator, or scopes such as 'secrets:read credentials:read'";

/// Returns the text that was given to `list` without an option; a shell may have made it from a pattern.
fn text_after_list<'a>(error: &'a clap::Error, command: &str) -> Option<Cow<'a, str>> {
    let is_about_text = command == "list" && error.kind() == ErrorKind::UnknownArgument;
    let text = context(error, ContextKind::InvalidArg).filter(|_| is_about_text)?;
    (!text.starts_with('-')).then(|| escape_line(text))
}

/// Commands whose input is a value.
const WITH_VALUE: [&str; 4] = ["set", "create", "update", "rotate"];
/// Commands whose input or output is a code or a token.
const WITH_CODE: [&str; 3] = ["join", "org", "token"];

/// Returns true if the error may quote a value that the user wanted to write.
fn may_quote_a_value(error: &clap::Error, command: &str) -> bool {
    match error.kind() {
        ErrorKind::UnknownArgument => WITH_VALUE.contains(&command) || WITH_CODE.contains(&command),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => WITH_VALUE.contains(&command),
        _ => false,
    }
}

/// Describes the error without the text that may be a value.
fn without_value(error: &clap::Error, commands: &[String]) -> String {
    let argument = context(error, ContextKind::InvalidArg);
    let near = match context(error, ContextKind::SuggestedArg) {
        Some(near) => format!(" (did you mean `{near}`?)"),
        None => String::new(),
    };
    let is_unknown = error.kind() == ErrorKind::UnknownArgument;
    let command = commands.first().map_or("", String::as_str);
    if let Some(option) = argument.and_then(harmless_option).filter(|_| is_unknown) {
        let tip = tips::for_option(command, option).map_or(near, |tip| format!("; {tip}"));
        let commands = commands.join(" ");
        return format!(
            "`{option}` is not an option of `{commands}`{tip}; `helvetisafe {commands} --help` lists the options"
        );
    }
    let what = match argument {
        Some(option) if !is_unknown => format!("the value of `{option}`"),
        _ => "an argument".to_owned(),
    };
    if WITH_CODE.contains(&command) {
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

/// Returns the name of a long option, if it has only letters and hyphens, as no code and no token has.
pub(super) fn harmless_option(argument: &str) -> Option<&str> {
    let option = argument.split_once('=').map_or(argument, |(name, _)| name);
    let name = option.strip_prefix("--").filter(|name| !name.is_empty())?;
    let is_harmless = name.chars().all(|c| c.is_ascii_alphabetic() || c == '-');
    is_harmless.then_some(option)
}

/// `run` has one status for all of its own failures: the others are those of its program.
fn wrong_usage() -> ExitCode {
    let is_run = commands().first().is_some_and(|command| command == "run");
    ExitCode::from(if is_run { run::FAILED } else { 2 })
}

/// Returns the names of the command and of its own command, although their arguments are wrong.
fn commands() -> Vec<String> {
    let matches = Cli::command().ignore_errors(true).try_get_matches();
    let mut names = Vec::new();
    let mut matches = matches.as_ref().ok();
    while let Some((name, below)) = matches.and_then(clap::ArgMatches::subcommand) {
        names.push(name.to_owned());
        matches = Some(below);
    }
    names
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    /// Returns the report of wrong arguments.
    fn explained(line: &str) -> String {
        let words = ["helvetisafe"].into_iter().chain(line.split(' '));
        let error = Cli::try_parse_from(words).err().unwrap();
        let names = line.split(' ').take_while(|word| !word.starts_with('-'));
        let names: Vec<_> = names.take(2).map(str::to_owned).collect();
        super::explained(error, &names)
    }

    #[test]
    fn an_unknown_option_is_named_without_its_value() {
        for (line, option) in [
            ("org invite --mde=hunter2 ada", "`--mde`"),
            ("token create --exclude hunter2", "`--exclude`"),
            ("join --kode hunter2", "`--kode`"),
            ("set --valu=hunter2 KEY", "`--valu`"),
        ] {
            let text = explained(line);
            let wanted = format!("{option} is not an option of ");
            assert!(text.starts_with(&wanted), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn a_missing_option_for_scopes_shows_the_sets() {
        for line in ["org invite ada", "token create ci"] {
            let text = explained(line);
            assert!(text.contains("--scopes <SCOPES>\n"), "{text}");
            assert!(
                text.contains("values: reader, member, administrator,"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_text_that_may_be_a_value_is_not_shown() {
        for line in [
            "set KEY --hunter2",
            "set KEY --s3cret=x2",
            "set KEY -xhunter",
            "token create --aB3",
            "org invite ada --scopes reader extra_hunter",
        ] {
            let text = explained(line);
            assert!(text.contains("it is not shown"), "{text}");
            let last = line.rsplit([' ', '-', '_', '=']).next().unwrap();
            assert!(!text.contains(last), "{text}");
        }
    }
}
