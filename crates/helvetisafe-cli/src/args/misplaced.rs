//! Options after `--`, where they are read as names.

use clap::error::ErrorKind;

use super::report::{find, harmless_option, program};

/// Explains an error by an option of the command that comes after `--`; `None` for another error.
pub(super) fn explain(
    error: &clap::Error,
    commands: &[String],
    words: &[String],
) -> Option<String> {
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
}
