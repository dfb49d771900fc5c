//! PowerShell: `$env:NAME = 'value'`.
//!
//! Between single quotes a quote is doubled (about_Quoting_Rules). `Invoke-Expression` reads a pipe line by
//! line, so line ends are written as escapes between double quotes.
//!
//! The output is ASCII. PowerShell decodes the output of a program by the code page of the console,
//! and treats four curly single quotes as quotes (`IsSingleQuote` of its tokenizer): if that is
//! Windows-1252, the second byte of `Œ` in UTF-8 would be one of them, and end the text. So other
//! characters are written as their UTF-16 units: `'+[char]0x152+'`.

use std::fmt::Write;

/// Refuses empty values: PowerShell before 7.5 removes such a variable.
pub(super) fn refusal(value: &str) -> Option<&'static str> {
    value
        .is_empty()
        .then_some("is empty, and PowerShell would remove such a variable; leave it out")
}

pub(super) fn line(out: &mut String, name: &str, value: &str) {
    out.extend(["$env:", name, " = '"]);
    for c in value.chars() {
        match c {
            '\'' => out.push_str("''"),
            '\n' => out.push_str("'+\"`n\"+'"),
            '\r' => out.push_str("'+\"`r\"+'"),
            c if c.is_ascii() => out.push(c),
            c => push_units(out, c),
        }
    }
    out.push_str("'\n");
}

fn push_units(out: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing to a string cannot fail.
        let _ = write!(out, "'+[char]0x{unit:x}+'");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::values;
    use super::*;

    /// Reads by the rules of the tokenizer: texts in single quotes, the two escapes and UTF-16 units, joined
    /// by `+`.
    fn read(line: &str) -> String {
        let mut units = Vec::new();
        let mut rest = line.strip_prefix("$env:NAME = ").unwrap();
        loop {
            if let Some(after) = rest.strip_prefix("\"`n\"") {
                units.push(u16::from(b'\n'));
                rest = after;
            } else if let Some(after) = rest.strip_prefix("\"`r\"") {
                units.push(u16::from(b'\r'));
                rest = after;
            } else if let Some(after) = rest.strip_prefix("[char]0x") {
                let (digits, _) = after.split_once('+').unwrap();
                units.push(u16::from_str_radix(digits, 16).unwrap());
                rest = &after[digits.len()..];
            } else {
                rest = read_quoted(rest, &mut units);
            }
            match rest.strip_prefix('+') {
                Some(after) => rest = after,
                None => break,
            }
        }
        assert_eq!(rest, "\n");
        String::from_utf16(&units).unwrap()
    }

    fn read_quoted<'a>(text: &'a str, units: &mut Vec<u16>) -> &'a str {
        let mut rest = text.strip_prefix('\'').unwrap();
        loop {
            let (plain, after) = rest.split_once('\'').unwrap();
            units.extend(plain.encode_utf16());
            let Some(second) = after.strip_prefix('\'') else {
                return after;
            };
            units.push(u16::from(b'\''));
            rest = second;
        }
    }

    proptest! {
        #[test]
        fn every_value_is_one_line_and_read_back(value in values()) {
            let mut text = String::new();
            line(&mut text, "NAME", &value);
            prop_assert_eq!(text.lines().count(), 1);
            prop_assert!(text.is_ascii());
            prop_assert_eq!(read(&text), value);
        }
    }

    #[test]
    fn no_code_page_makes_a_quote_of_a_character() {
        let mut text = String::new();
        line(&mut text, "NAME", "Œ;calc \u{2019}🔑");
        let wanted =
            "$env:NAME = ''+[char]0x152+';calc '+[char]0x2019+''+[char]0xd83d+''+[char]0xdd11+''\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn an_empty_value_would_be_a_removal() {
        assert!(refusal("").is_some());
    }
}
