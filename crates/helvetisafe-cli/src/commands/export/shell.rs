//! POSIX shells: `export NAME='value'`.
//!
//! Between single quotes everything is literal (POSIX.1-2024, shell command language, 2.2.2). Only a single
//! quote itself has to be written outside.

pub(super) mod reserved;

use super::text::push_replacing;

pub(super) fn refusal(name: &str) -> Option<&'static str> {
    reserved::by_any_shell(name)
        .then_some("is reserved by shells; give it another name with --exclude KEY --env NAME=KEY")
}

pub(super) fn line(out: &mut String, name: &str, value: &str) {
    out.extend(["export ", name, "='"]);
    push_replacing(out, value, |c| (c == '\'').then_some("'\\''"));
    out.push_str("'\n");
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::env;
    use std::io::ErrorKind;
    use std::process::{Command, Output};

    use proptest::prelude::*;

    use super::super::format::Format;
    use super::super::tests::{text, values};
    use crate::commands::selection::Variable;

    /// Returns the output of a shell with an empty environment; `None` if it is not installed.
    fn read(shell: &str, text: &str) -> Option<Vec<u8>> {
        let script = "eval \"$1\"; printf %s \"$NAME\"; printf %s \"$LAST\"";
        let output = output(Command::new(shell).args(["-c", script, shell, text]))?;
        assert_eq!(output.stderr, b"");
        Some(output.stdout)
    }

    fn output(command: &mut Command) -> Option<Output> {
        let path = env::var_os("PATH").unwrap_or_default();
        match command.env_clear().env("PATH", path).output() {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            output => Some(output.unwrap()),
        }
    }

    /// Returns the variables that a shell lists.
    fn variables(shell: &str, list: &str) -> Vec<String> {
        let Some(output) = output(Command::new(shell).args(["-c", list])) else {
            return Vec::new();
        };
        let names = String::from_utf8(output.stdout).unwrap();
        names.split_ascii_whitespace().map(str::to_owned).collect()
    }

    /// Returns true if a shell has the exact value and the next variable, and has run nothing.
    fn is_kept(shell: &str, name: &str, format: Format) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let value = "a[$(: > run)0]";
        let variables = [Variable::new(name, value), Variable::new("LAST", "!")];
        let text = text(format, &variables).to_string();
        let script = format!("eval \"$1\"; printf %s \"${name}\" \"$LAST\"");
        let mut command = Command::new(shell);
        command
            .args(["-c", &script, shell, &text])
            .current_dir(folder.path());
        let output = output(&mut command).unwrap();
        let is_run = folder.path().join("run").exists();
        !is_run && output.stdout == format!("{value}!").as_bytes()
    }

    fn export(value: &str) -> String {
        let variables = [Variable::new("NAME", value), Variable::new("LAST", "!")];
        text(Format::Shell, &variables).to_string()
    }

    #[test]
    fn quotes_are_what_posix_says() {
        assert_eq!(export("a'b"), "export NAME='a'\\''b'\nexport LAST='!'\n");
    }

    proptest! {
        #[test]
        fn every_value_is_read_back(value in values()) {
            prop_assume!(Format::Shell.refusal("NAME", &value).is_none());
            let wanted = format!("{value}!");
            for shell in ["sh", "bash", "zsh", "ksh", "mksh"] {
                if let Some(read) = read(shell, &export(&value)) {
                    prop_assert_eq!(read, wanted.as_bytes(), "{}", shell);
                }
            }
        }

        #[test]
        fn only_nul_is_refused(value in values()) {
            prop_assert_eq!(Format::Shell.refusal("NAME", &value).is_some(), value.contains('\0'));
        }
    }

    /// Tests all installed shells. A `.env` file is tested too, since any shell may source it.
    #[test]
    fn every_variable_of_a_shell_that_is_not_refused_keeps_its_value() {
        let cut = "set | sed -n 's/^\\([A-Za-z_][A-Za-z_0-9]*\\)=.*/\\1/p'";
        for (shell, list) in [
            ("bash", "compgen -v"),
            ("sh", cut),
            ("ksh", "typeset +p | sed 's/.* //'"),
            ("mksh", "typeset | sed 's/.* //'"),
            ("zsh", "print -l ${(k)parameters}"),
        ] {
            // Without a path a shell may not find its `printf`.
            for name in variables(shell, list).iter().filter(|name| *name != "PATH") {
                for format in [Format::Shell, Format::Dotenv] {
                    if format.refusal(name, "").is_none() {
                        assert!(is_kept(shell, name, format), "{name} of {shell}");
                    }
                }
            }
        }
    }

    /// Bash evaluates the values of the first ones, mksh and ksh93 those of the others.
    #[test]
    fn variables_that_run_their_value_are_refused() {
        for name in [
            "RANDOM", "OPTIND", "HISTCMD", "SRANDOM", "COLUMNS", "LINES", "TMOUT",
        ] {
            assert!(Format::Shell.refusal(name, "").is_some(), "{name}");
            assert!(Format::Dotenv.refusal(name, "").is_some(), "{name}");
        }
    }

    /// Zsh keeps three characters of each, and treats both as one.
    #[test]
    fn variables_that_are_cut_are_refused() {
        for name in ["HISTCHARS", "histchars"] {
            assert!(Format::Shell.refusal(name, "").is_some(), "{name}");
            assert!(Format::Dotenv.refusal(name, "").is_some(), "{name}");
        }
    }

    #[test]
    fn names_that_are_no_identifiers_are_refused() {
        for name in [
            "", "1", "a-b", "a b", "a;b", "$(id)", "a=b", "é", "UID", "_", "a\nb",
        ] {
            assert!(Format::Shell.refusal(name, "").is_some(), "{name}");
        }
        for name in ["A", "_A", "a1"] {
            assert!(Format::Shell.refusal(name, "").is_none(), "{name}");
        }
    }
}
