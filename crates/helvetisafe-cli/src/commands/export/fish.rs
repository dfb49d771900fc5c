//! fish: `set -gx NAME 'value'`.
//!
//! Between single quotes a backslash escapes itself and a single quote, and nothing else is special
//! (fish manual, "Quotes").

use super::text::push_replacing;

/// Variables that cannot be set in fish, or that do not keep their values.
const RESERVED: &[&str] = &[
    "_",
    "CMD_DURATION",
    "FISH_VERSION",
    "PWD",
    "SHLVL",
    "argv",
    "fish_kill_signal",
    "fish_killring",
    "fish_pid",
    "history",
    "hostname",
    "pipestatus",
    "status",
    "status_generation",
    "umask",
    "version",
];

pub(super) fn refusal(name: &str) -> Option<&'static str> {
    RESERVED
        .contains(&name)
        .then_some("is reserved by fish; give it another name with --exclude KEY --env NAME=KEY")
}

pub(super) fn line(out: &mut String, name: &str, value: &str) {
    out.extend(["set -gx ", name, " '"]);
    push_replacing(out, value, |c| match c {
        '\\' => Some("\\\\"),
        '\'' => Some("\\'"),
        _ => None,
    });
    out.push_str("'\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::values;
    use super::*;

    /// Reads by the rules of the manual: the text that is left over, and the value.
    fn read(text: &str) -> (String, String) {
        let mut value = String::new();
        let mut rest = text.strip_prefix("set -gx NAME '").unwrap().chars();
        while let Some(c) = rest.next() {
            match c {
                '\'' => break,
                '\\' => match rest.next().unwrap() {
                    c @ ('\'' | '\\') => value.push(c),
                    c => value.extend(['\\', c]),
                },
                c => value.push(c),
            }
        }
        (rest.collect(), value)
    }

    proptest! {
        #[test]
        fn every_value_is_read_back(value in values()) {
            let mut text = String::new();
            line(&mut text, "NAME", &value);
            prop_assert_eq!(read(&text), ("\n".to_owned(), value));
        }
    }
}
