//! The file of EnvironmentFile=: `NAME="value"`.
//!
//! Between double quotes, a backslash escapes `"`, `\`, `` ` `` and `$`, and line ends stand for
//! themselves (systemd.exec(5), "EnvironmentFile="). Older versions silently drop values with other
//! control characters than line ends and tabs. For a noncharacter of Unicode systemd refuses the whole file
//! (`unichar_is_valid` in its source).

use super::text::push_replacing;

pub(super) fn refusal(value: &str) -> Option<&'static str> {
    if value.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')) {
        Some("contains a control character, which some versions of systemd drop; encode it")
    } else if value.contains(is_noncharacter) {
        Some(
            "contains a noncharacter of Unicode, for which systemd refuses the whole file; encode it",
        )
    } else {
        None
    }
}

/// Returns true if a character is one of the 66 noncharacters (The Unicode Standard, section 23.7).
fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe
}

pub(super) fn line(out: &mut String, name: &str, value: &str) {
    out.extend([name, "=\""]);
    push_replacing(out, value, |c| match c {
        '"' => Some("\\\""),
        '\\' => Some("\\\\"),
        '`' => Some("\\`"),
        '$' => Some("\\$"),
        _ => None,
    });
    out.push_str("\"\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::Format;
    use super::super::tests::values;
    use super::*;

    /// Reads by the rules of `parse_env_file` in systemd: the text that is left over, and the value.
    fn read(text: &str) -> (String, String) {
        let mut value = String::new();
        let mut rest = text.strip_prefix("NAME=\"").unwrap().chars();
        while let Some(c) = rest.next() {
            match c {
                '"' => break,
                '\\' => match rest.next().unwrap() {
                    c @ ('"' | '\\' | '`' | '$') => value.push(c),
                    '\n' => {}
                    c => value.extend(['\\', c]),
                },
                c => value.push(c),
            }
        }
        (rest.collect(), value)
    }

    proptest! {
        #[test]
        fn every_value_that_is_not_refused_is_read_back(value in values()) {
            prop_assume!(Format::Systemd.refusal("NAME", &value).is_none());
            let mut text = String::new();
            line(&mut text, "NAME", &value);
            prop_assert_eq!(read(&text), ("\n".to_owned(), value));
        }
    }

    #[test]
    fn all_noncharacters_are_refused_and_their_neighbours_are_not() {
        let is_refused = |c: &char| Format::Systemd.refusal("NAME", &format!("a{c}")).is_some();
        let refused: Vec<_> = ('\u{a0}'..=char::MAX).filter(is_refused).collect();
        let mut wanted: Vec<_> = ('\u{fdd0}'..='\u{fdef}').collect();
        for plane in 0..=16 {
            let last = [0xfffe, 0xffff].map(|n| char::from_u32((plane << 16) + n).unwrap());
            wanted.extend(last);
        }
        assert_eq!(refused, wanted);
    }

    #[test]
    fn control_characters_are_refused() {
        for value in ["\0", "\r", "\u{1b}[2J", "\u{7f}", "\u{85}"] {
            assert!(Format::Systemd.refusal("NAME", value).is_some());
        }
        assert!(Format::Systemd.refusal("NAME", "one\n\ttwo é 🔑").is_none());
    }
}
