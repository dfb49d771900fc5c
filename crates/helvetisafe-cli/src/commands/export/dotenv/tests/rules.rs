//! The rules of readers that may not be installed.

use super::Pairs;

/// Reads a quoted text: the value, and the text after the closing quote.
fn unquote(text: &str, on_escape: impl Fn(char, char) -> Option<String>) -> (String, &str) {
    let quote = text.chars().next().unwrap();
    assert!(matches!(quote, '\'' | '"'), "not in quotes");
    let mut value = String::new();
    let mut rest = text[1..].chars();
    while let Some(c) = rest.next() {
        match (c, rest.as_str().chars().next()) {
            (c, _) if c == quote => return (value, rest.as_str()),
            ('\\', Some(next)) => {
                if let Some(plain) = on_escape(quote, next) {
                    rest.next();
                    value.push_str(&plain);
                } else {
                    value.push('\\');
                }
            }
            _ => value.push(c),
        }
    }
    panic!("no closing quote");
}

/// Reads lines `NAME=value` with the value in quotes.
fn lines(mut text: &str, value: impl Fn(&str) -> (String, &str)) -> Pairs {
    let mut pairs = Pairs::new();
    while let Some((name, rest)) = text.split_once('=') {
        let (value, rest) = value(rest);
        text = rest
            .strip_prefix('\n')
            .expect("nothing but a line end after a value");
        assert_eq!(pairs.insert(name.to_owned(), value), None);
    }
    assert_eq!(text, "");
    pairs
}

/// Follows the page "Set, use, and manage variables in a Compose file with interpolation" of docker's
/// documentation, section "`.env` file syntax": single quotes are literal but for `\'`, double quotes
/// have escapes and variables.
pub(super) fn compose(text: &str) -> Pairs {
    lines(text, |text| {
        let (value, rest) = unquote(text, |quote, next| match (quote, next) {
            ('\'', '\'') => Some("'".to_owned()),
            ('\'', _) => None,
            _ => panic!("an escape between double quotes"),
        });
        assert!(text.starts_with('\'') || !value.contains('$'), "a variable");
        (value, rest)
    })
}

/// Follows the parser of python-dotenv 1.2: a backslash escapes the next character, and then `\\` and `\'`
/// stand for one; `${…}` is a variable in any quotes.
pub(super) fn python(text: &str) -> Pairs {
    lines(text, |text| {
        let (value, rest) = unquote(text, |quote, next| match (quote, next) {
            (_, '\\' | '\'') => Some(next.to_string()),
            ('\'', _) => Some(format!("\\{next}")),
            _ => panic!("an escape between double quotes"),
        });
        let expands = value
            .split_once("${")
            .is_some_and(|(_, rest)| rest.contains('}'));
        assert!(!expands, "a variable");
        (value, rest)
    })
}
