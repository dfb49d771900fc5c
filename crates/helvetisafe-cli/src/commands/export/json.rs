//! JSON: `{"NAME":"value"}`. YAML uses its quoted texts too.

use std::fmt::Write;

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::text::buffer;
use crate::commands::selection::Variable;

pub(super) fn text(variables: &[Variable]) -> Zeroizing<String> {
    let mut out = buffer(variables);
    out.push('{');
    for (n, variable) in variables.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        push_quoted(&mut out, &variable.name);
        out.push(':');
        push_quoted(&mut out, variable.value.expose_secret());
    }
    out.push_str("}\n");
    out
}

/// Appends a text in double quotes, valid by RFC 8259 section 7 and YAML 1.2 section 7.3.1.
///
/// Beyond the requirements of JSON, it escapes what is not printable in YAML (section 5.1), and the line
/// ends of YAML 1.1.
pub(super) fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..' '
            | '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::format::Format;
    use super::super::tests::{text, values};
    use crate::commands::selection::Variable;

    proptest! {
        #[test]
        fn every_name_and_value_is_read_back(name in values(), value in values()) {
            prop_assume!(name != "LAST");
            let json = text(Format::Json, &[Variable::new(&name, &value), Variable::new("LAST", "!")]);
            let read: BTreeMap<String, String> = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(read.len(), 2);
            prop_assert_eq!(&read[&name], &value);
            prop_assert_eq!(Format::Json.refusal(&name, &value), None);
        }
    }

    #[test]
    fn no_variables_are_an_empty_object() {
        assert_eq!(text(Format::Json, &[]).as_str(), "{}\n");
    }
}
