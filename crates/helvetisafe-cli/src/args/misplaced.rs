//! Options in the wrong place: before the command whose options they are, or after `--`, where they are read as names.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::report::{find, harmless_option, program};

/// Explains an error by an option that stands before its command, or after `--`; `None` for another error.
pub(super) fn explain(
    error: &clap::Error,
    commands: &[String],
    words: &[String],
) -> Option<String> {
    before_command(error, words).or_else(|| after_end(error, commands, words))
}

/// Explains an option that stands before the command whose option it is.
fn before_command(error: &clap::Error, words: &[String]) -> Option<String> {
    let program = program();
    let named = Named::find(&program, words);
    let verb = named.names.last()?;
    let before = words.iter().take(named.at).skip(1);
    let option = before
        .filter_map(|word| harmless_option(word))
        .find(|option| named.has(option) && is_about(error, option))?;
    let commands = named.names.join(" ");
    let meaning = match named.is_setting(option, &program) {
        true => ", where it is the setting of all commands",
        false => "",
    };
    Some(format!(
        "`{option}` comes before `{verb}`{meaning}: put it after `{verb}`, as in `helvetisafe {commands} {option} …`"
    ))
}

/// Returns true if an error is about this option: it is unknown where it stands, or missing where it belongs.
fn is_about(error: &clap::Error, option: &str) -> bool {
    match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(unknown))) => {
            harmless_option(unknown) == Some(option)
        }
        (ErrorKind::MissingRequiredArgument, Some(ContextValue::Strings(missing))) => {
            let mut missing = missing.iter().filter_map(|it| it.split(' ').next());
            missing.any(|it| it == option)
        }
        _ => false,
    }
}

/// The last command that the words name.
struct Named<'p> {
    names: Vec<&'p str>,
    command: &'p clap::Command,
    /// The place of its name.
    at: usize,
}

impl<'p> Named<'p> {
    fn find(program: &'p clap::Command, words: &[String]) -> Self {
        let mut named = Self {
            names: Vec::new(),
            command: program,
            at: 0,
        };
        let mut is_value = false;
        for (at, word) in words.iter().enumerate().skip(1) {
            if word == "--" || !named.command.has_subcommands() {
                break;
            }
            if std::mem::take(&mut is_value) {
                continue;
            }
            // The value of a known option can be the name of a command.
            is_value = takes_value(program, word);
            if let Some(below) = named.command.find_subcommand(word) {
                named.names.push(below.get_name());
                (named.command, named.at) = (below, at);
            }
        }
        named
    }

    fn has(&self, option: &str) -> bool {
        find_option(self.command, option).is_some()
    }

    /// Returns true if an option of all commands has this name, and the command has another one.
    fn is_setting(&self, option: &str, program: &clap::Command) -> bool {
        let own = find_option(self.command, option).filter(|it| !it.is_global_set());
        own.is_some() && find_option(program, option).is_some()
    }
}

fn find_option<'c>(command: &'c clap::Command, option: &str) -> Option<&'c clap::Arg> {
    let name = option.strip_prefix("--")?;
    command
        .get_arguments()
        .find(|it| it.get_long() == Some(name))
}

/// Returns true if a word is an option of all commands whose value is the next word.
fn takes_value(program: &clap::Command, word: &str) -> bool {
    find_option(program, word).is_some_and(|option| option.get_action().takes_values())
}

/// Explains an option of the command that comes after `--`.
fn after_end(error: &clap::Error, commands: &[String], words: &[String]) -> Option<String> {
    let is_about_words = matches!(
        error.kind(),
        ErrorKind::UnknownArgument | ErrorKind::MissingRequiredArgument
    );
    let end = words.iter().position(|word| word == "--")?;
    let program = program();
    let command = find(&program, commands).filter(|_| is_about_words)?;
    let mut arguments = command.get_arguments();
    // The words after `--` are another program's.
    if arguments.any(|it| it.is_last_set() || it.is_trailing_var_arg_set()) {
        return None;
    }
    let option = words[end..].iter().find_map(|word| {
        let option = harmless_option(word)?;
        let mut arguments = command.get_arguments();
        let is_own = arguments.any(|it| it.get_long() == option.strip_prefix("--"));
        is_own.then_some(option)
    })?;
    let command = commands.join(" ");
    Some(format!(
        "`{option}` comes after `--`, where it is no option, but a name: put all options before `--`, as in `helvetisafe \
         {command} {option} … -- NAME`"
    ))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::args::Cli;

    #[test]
    fn an_option_after_the_end_of_options_is_misplaced() {
        let misplaced = |line: &str, names: usize| {
            let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            let program = ["helvetisafe".to_owned()];
            let error = Cli::try_parse_from(program.iter().chain(&words))
                .err()
                .unwrap();
            super::explain(&error, &words[..names], &words)
        };
        for (line, names, option) in [
            ("org invite -- --ada --scopes reader", 2, "--scopes"),
            ("org invite -- --scopes reader ada", 2, "--scopes"),
            ("org invite ada -- --scopes=reader", 2, "--scopes"),
            ("token create -- -x --scopes reader", 2, "--scopes"),
            ("init -- --scopes reader", 1, "--scopes"),
            ("doctor -- --config a", 1, "--config"),
        ] {
            let text = misplaced(line, names).unwrap();
            assert!(
                text.starts_with(&format!("`{option}` comes after `--`")),
                "{text}"
            );
            assert!(!text.contains("ada"), "{text}");
        }
        for (line, names) in [
            ("org invite -- --ada --skopes reader", 2),
            ("run --no-such -- ls --scopes", 1),
            ("org invite ada", 2),
        ] {
            assert_eq!(misplaced(line, names), None, "{line}");
        }
    }

    #[test]
    fn an_option_before_its_command_is_misplaced() {
        let misplaced = |line: &str| {
            let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            let error = Cli::try_parse_from(&words).err().unwrap();
            super::explain(&error, &[], &words)
        };
        for (line, start, shown) in [
            (
                "helvetisafe org --scopes reader invite ada",
                "`--scopes` comes before `invite`, where it is the setting of all commands",
                "`helvetisafe org invite --scopes …`",
            ),
            (
                "helvetisafe --scopes=reader --profile list org invite ada",
                "`--scopes` comes before `invite`, where it is",
                "`helvetisafe org invite --scopes …`",
            ),
            (
                "helvetisafe token --scopes reader create ci",
                "`--scopes` comes before `create`, where it is",
                "`helvetisafe token create --scopes …`",
            ),
            (
                "helvetisafe org --output hunter2 invite ada --scopes reader",
                "`--output` comes before `invite`: put it after",
                "`helvetisafe org invite --output …`",
            ),
            (
                "helvetisafe --yes delete KEY",
                "`--yes` comes before `delete`: put it after",
                "`helvetisafe delete --yes …`",
            ),
        ] {
            let text = misplaced(line).unwrap();
            assert!(text.starts_with(start) && text.ends_with(shown), "{text}");
            assert!(!text.contains("hunter2") && !text.contains("ada"), "{text}");
        }
        for line in [
            "helvetisafe --no-such delete KEY",
            "helvetisafe org --yes invite ada --scopes reader",
            "helvetisafe org invite ada --yes --scopes reader",
            "helvetisafe org invite ada",
        ] {
            assert_eq!(misplaced(line), None, "{line}");
        }
    }
}
