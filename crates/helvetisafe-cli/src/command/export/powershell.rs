//! PowerShell: `$env:NAME = 'value'`.
//!
//! Between single quotes a quote is doubled; the four curly single quotes count as quotes too
//! (about_Quoting_Rules, and `IsSingleQuote` of its tokenizer). A pipe into `Invoke-Expression`
//! comes line by line, so line ends are written as escapes between double quotes.

use super::format::push_replacing;

/// PowerShell before 7.5 takes an empty value as "remove the variable".
pub(super) fn refusal(value: &str) -> Option<&'static str> {
    value
        .is_empty()
        .then_some("is empty, and PowerShell would remove such a variable; leave it out")
}

pub(super) fn line(out: &mut String, name: &str, value: &str) {
    out.push_str("$env:");
    out.push_str(name);
    out.push_str(" = '");
    push_replacing(out, value, |c| match c {
        '\'' => Some("''"),
        '\u{2018}' => Some("\u{2018}\u{2018}"),
        '\u{2019}' => Some("\u{2019}\u{2019}"),
        '\u{201a}' => Some("\u{201a}\u{201a}"),
        '\u{201b}' => Some("\u{201b}\u{201b}"),
        '\n' => Some("'+\"`n\"+'"),
        '\r' => Some("'+\"`r\"+'"),
        _ => None,
    });
    out.push_str("'\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::values;
    use super::*;

    const QUOTES: [char; 5] = ['\'', '\u{2018}', '\u{2019}', '\u{201a}', '\u{201b}'];

    /// A reader by the tokenizer's rules, of texts in single quotes and the two escapes with `+`
    /// between.
    fn read(line: &str) -> String {
        let mut value = String::new();
        let mut rest = line.strip_prefix("$env:NAME = ").unwrap();
        loop {
            if let Some(after) = rest.strip_prefix("\"`n\"") {
                value.push('\n');
                rest = after;
            } else if let Some(after) = rest.strip_prefix("\"`r\"") {
                value.push('\r');
                rest = after;
            } else {
                rest = read_quoted(rest, &mut value);
            }
            match rest.strip_prefix('+') {
                Some(after) => rest = after,
                None => break,
            }
        }
        assert_eq!(rest, "\n");
        value
    }

    fn read_quoted<'a>(text: &'a str, value: &mut String) -> &'a str {
        let mut rest = text.strip_prefix('\'').unwrap();
        loop {
            let c = rest.chars().next().unwrap();
            rest = &rest[c.len_utf8()..];
            if QUOTES.contains(&c) {
                match rest.chars().next() {
                    // The second of two quotes counts.
                    Some(second) if QUOTES.contains(&second) => {
                        value.push(second);
                        rest = &rest[second.len_utf8()..];
                    }
                    _ => return rest,
                }
            } else {
                value.push(c);
            }
        }
    }

    proptest! {
        #[test]
        fn every_value_is_one_line_and_read_back(value in values()) {
            let mut text = String::new();
            line(&mut text, "NAME", &value);
            prop_assert_eq!(text.lines().count(), 1);
            prop_assert_eq!(read(&text), value);
        }
    }

    #[test]
    fn an_empty_value_would_be_a_removal() {
        assert!(refusal("").is_some());
    }
}
