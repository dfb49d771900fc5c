//! A .env file, in the part of its many dialects that readers agree on.
//!
//! Between single quotes all readers take all as it is, line ends included; but python-dotenv
//! reads `\\` and `\'` as escapes there, and takes `${…}` for a variable in any quotes. Between
//! double quotes they agree on `\"` and `\\`, and disagree on how to write a `$`. A backslash
//! before the closing quote is python-dotenv's escape of it, and a carriage return is a line end
//! to some. What is left over is refused.

use super::format::push_replacing;

pub(super) fn refusal(value: &str) -> Option<&'static str> {
    if value.contains('\r') {
        Some("holds a carriage return, which readers of .env files change; try json or shell")
    } else if value.ends_with('\\') {
        Some("ends with a backslash, which readers of .env files disagree on; try json or shell")
    } else if value
        .split_once("${")
        .is_some_and(|(_, rest)| rest.contains('}'))
    {
        Some("holds `${…}`, which some readers of .env files expand; try json or shell")
    } else if needs_escapes(value) && value.contains('$') {
        Some(
            "holds a `$` beside a single quote or an escape, which readers of .env files disagree \
             on; try json or shell",
        )
    } else {
        None
    }
}

pub(super) fn line(out: &mut String, name: &str, value: &str) {
    out.push_str(name);
    if !needs_escapes(value) {
        out.push_str("='");
        out.push_str(value);
        out.push_str("'\n");
        return;
    }
    out.push_str("=\"");
    push_replacing(out, value, |c| match c {
        '\\' => Some("\\\\"),
        '"' => Some("\\\""),
        _ => None,
    });
    out.push_str("\"\n");
}

/// Whether single quotes cannot hold it.
fn needs_escapes(value: &str) -> bool {
    value.contains('\'') || value.contains("\\\\")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::Format;
    use super::super::tests::{text, values};
    use crate::command::selection::Variable;

    const NAME: &str = "HELVETISAFE_TEST_NAME";

    fn file(value: &str) -> String {
        text(
            Format::Dotenv,
            &[Variable::new(NAME, value), Variable::new("LAST", "'!'")],
        )
        .to_string()
    }

    fn dotenvy(file: &str) -> Vec<(String, String)> {
        let pairs = dotenvy::from_read_iter(file.as_bytes());
        pairs.collect::<Result<_, _>>().unwrap()
    }

    /// python-dotenv 1.2 by its rules: the patterns of its parser, and what it expands.
    fn python(file: &str) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        let mut rest = file;
        while let Some((name, value)) = rest.split_once('=') {
            let quote = value.chars().next().unwrap();
            let mut raw = String::new();
            let mut at = value[1..].chars();
            loop {
                match at.next().unwrap() {
                    c if c == quote => break,
                    '\\' if at.as_str().starts_with(quote) => {
                        raw.extend(['\\', at.next().unwrap()])
                    }
                    c => raw.push(c),
                }
            }
            rest = at.as_str().strip_prefix('\n').unwrap();
            pairs.push((name.to_owned(), python_unescape(&raw, quote)));
        }
        pairs
    }

    fn python_unescape(raw: &str, quote: char) -> String {
        let mut value = String::new();
        let mut rest = raw.chars();
        while let Some(c) = rest.next() {
            let next = rest.as_str().chars().next();
            match (c, next) {
                ('\\', Some(c @ ('\\' | '\''))) => {
                    value.push(c);
                    rest.next();
                }
                ('\\', Some('"')) if quote == '"' => {
                    value.push('"');
                    rest.next();
                }
                ('\\', Some(c)) if quote == '"' => assert!(!"abfnrtv".contains(c)),
                _ => value.push(c),
            }
        }
        let expands = value
            .split_once("${")
            .is_some_and(|(_, rest)| rest.contains('}'));
        assert!(!expands, "{value:?}");
        value
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn every_value_that_is_not_refused_is_read_alike(value in values()) {
            if Format::Dotenv.refusal(NAME, &value).is_some() {
                return Ok(());
            }
            let wanted = vec![(NAME.to_owned(), value.clone()), ("LAST".to_owned(), "'!'".to_owned())];
            prop_assert_eq!(&dotenvy(&file(&value)), &wanted);
            prop_assert_eq!(&python(&file(&value)), &wanted);
        }
    }

    #[test]
    fn single_quotes_are_used_where_they_can() {
        for (value, quoted) in [
            ("", "''"),
            (
                "$HOME `id` $(id) \"#\" = \\n",
                "'$HOME `id` $(id) \"#\" = \\n'",
            ),
            ("a\nb", "'a\nb'"),
            ("it's", "\"it's\""),
            ("'\"'", "\"'\\\"'\""),
            ("\\\\host", "\"\\\\\\\\host\""),
        ] {
            assert_eq!(Format::Dotenv.refusal(NAME, value), None);
            assert_eq!(file(value), format!("{NAME}={quoted}\nLAST=\"'!'\"\n"));
        }
        for value in ["\0", "\r", "a\\", "${HOME}", "'$", "\\\\$"] {
            assert!(Format::Dotenv.refusal(NAME, value).is_some(), "{value}");
        }
    }
}
