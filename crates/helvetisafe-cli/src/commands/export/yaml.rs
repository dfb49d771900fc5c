//! YAML: one mapping, `"NAME": "value"`.
//!
//! Names and values are quoted, since readers do not treat `no`, `null` or `1e3` as texts.

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::json::push_quoted;
use super::text::buffer;
use crate::commands::selection::Variable;

/// The maximum length of a key on one line, in characters (YAML 1.2 section 8.2.2).
const LONGEST_NAME: usize = 1024;

pub(super) fn refusal(name: &str) -> Option<&'static str> {
    let mut quoted = String::new();
    push_quoted(&mut quoted, name);
    (quoted.chars().count() >= LONGEST_NAME)
        .then_some("has a longer name than YAML allows; name it with --env NAME=KEY.FIELD")
}

pub(super) fn text(variables: &[Variable]) -> Zeroizing<String> {
    let mut out = buffer(variables);
    if variables.is_empty() {
        out.push_str("{}\n");
    }
    for variable in variables {
        push_quoted(&mut out, &variable.name);
        out.push_str(": ");
        push_quoted(&mut out, variable.value.expose_secret());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::format::Format;
    use super::super::tests::{text, values};
    use super::refusal;
    use crate::commands::selection::Variable;

    proptest! {
        #[test]
        fn every_name_and_value_is_read_back(name in values(), value in values()) {
            prop_assume!(name != "LAST");
            prop_assert_eq!(refusal(&name), None);
            let yaml = text(Format::Yaml, &[Variable::new(&name, &value), Variable::new("LAST", "!")]);
            let read: BTreeMap<String, String> = serde_saphyr::from_str(&yaml).unwrap();
            prop_assert_eq!(read.len(), 2);
            prop_assert_eq!(&read[&name], &value);
        }

        /// A JSON reader checks the escapes again.
        #[test]
        fn every_line_is_json(value in values()) {
            let yaml = text(Format::Yaml, &[Variable::new("NAME", &value)]);
            let json: BTreeMap<String, String> = serde_json::from_str(&format!("{{{}}}", *yaml)).unwrap();
            prop_assert_eq!(&json["NAME"], &value);
        }
    }

    #[test]
    fn words_with_a_meaning_stay_texts() {
        for word in [
            "no",
            "null",
            "~",
            "1e3",
            "0x1f",
            "2030-01-31",
            "",
            "*a",
            "<<",
        ] {
            let yaml = text(Format::Yaml, &[Variable::new(word, word)]);
            assert_eq!(*yaml, format!("\"{word}\": \"{word}\"\n"));
        }
        assert_eq!(*text(Format::Yaml, &[]), "{}\n");
    }

    #[test]
    fn a_name_has_at_most_the_length_that_readers_accept() {
        assert_eq!(refusal(&"a".repeat(1021)), None);
        assert!(refusal(&"a".repeat(1022)).is_some());
    }
}
