//! Colours, and the escaping of control characters.

use std::borrow::Cow;
use std::env;
use std::fmt::Write;

use anstyle::Style;
use clap::ValueEnum;

/// The use of colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set or TERM is `dumb`.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    pub(crate) fn applies(self, is_terminal: bool) -> bool {
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = || env::var_os("TERM").is_some_and(|term| term == "dumb");
        match self {
            Self::Auto => is_terminal && !is_set("NO_COLOR") && !is_dumb(),
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Returns `text` in a style, if colours are on.
pub(crate) fn styled(text: &str, style: Style, on: bool) -> Cow<'_, str> {
    if on {
        Cow::Owned(format!("{style}{text}{style:#}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Escapes control characters, and those that change the direction of text, as `\u001b`. Line feeds and
/// tabs stay.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    escape_unless(text, |c| matches!(c, '\n' | '\t'))
}

/// Escapes line feeds and tabs too, for text on one line.
pub(crate) fn escape_line(text: &str) -> Cow<'_, str> {
    escape_unless(text, |_| false)
}

fn escape_unless(text: &str, is_allowed: impl Fn(char) -> bool) -> Cow<'_, str> {
    let must_escape = |c: char| controls_terminal(c) && !is_allowed(c);
    if !text.contains(must_escape) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if must_escape(c) {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

fn controls_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        for (text, shown) in [
            ("plain é 🔑", "plain é 🔑"),
            ("a\tb\nc", "a\tb\nc"),
            ("\u{1b}[2J\r", "\\u001b[2J\\u000d"),
            ("\u{9b}31m\u{7f}\0", "\\u009b31m\\u007f\\u0000"),
            ("a\u{202e}b", "a\\u202eb"),
        ] {
            assert_eq!(escape(text), shown);
        }
        assert_eq!(escape_line("a\nb"), "a\\u000ab");
    }
}
