//! POSIX shells: `export NAME='value'`.
//!
//! Between single quotes everything is literal (POSIX.1-2024, shell command language, 2.2.2), so a
//! single quote is the one character that has to stand outside.

use super::format::push_replacing;

/// Variables that a shell keeps for itself: some cannot be set, others do not keep what is set.
const RESERVED: &[&str] = &[
    "_",
    // bash, dash, ksh
    "BASHPID",
    "BASH_VERSINFO",
    "DIRSTACK",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "FUNCNAME",
    "GROUPS",
    "HISTCMD",
    "LINENO",
    "OPTIND",
    "PPID",
    "RANDOM",
    "SECONDS",
    "SRANDOM",
    "UID",
    // zsh
    "EGID",
    "GID",
    "USERNAME",
    "argv",
    "cdpath",
    "fpath",
    "manpath",
    "module_path",
    "path",
    "pipestatus",
    "status",
];

pub(super) fn refusal(name: &str) -> Option<&'static str> {
    RESERVED.contains(&name).then_some(
        "is a variable that shells keep for themselves; name it otherwise with --env NAME=KEY",
    )
}

pub(super) fn line(out: &mut String, name: &str, value: &str) {
    out.push_str("export ");
    out.push_str(name);
    out.push_str("='");
    push_replacing(out, value, |c| (c == '\'').then_some("'\\''"));
    out.push_str("'\n");
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::super::format::Format;
    use super::super::tests::{text, values};
    use crate::command::selection::Variable;

    /// What a shell makes of it, with nothing in its environment.
    fn read(shell: &str, text: &str) -> Vec<u8> {
        let script = "eval \"$1\"; printf %s \"$NAME\"; printf %s \"$LAST\"";
        let output = Command::new(shell)
            .env_clear()
            .args(["-c", script, shell, text])
            .output()
            .unwrap();
        assert_eq!(output.stderr, b"");
        output.stdout
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
        fn every_value_is_read_back_by_sh(value in values()) {
            prop_assume!(Format::Shell.refusal("NAME", &value).is_none());
            let wanted = format!("{value}!");
            prop_assert_eq!(read("sh", &export(&value)), wanted.as_bytes());
        }

        #[test]
        fn only_nul_is_refused(value in values()) {
            prop_assert_eq!(Format::Shell.refusal("NAME", &value).is_some(), value.contains('\0'));
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
