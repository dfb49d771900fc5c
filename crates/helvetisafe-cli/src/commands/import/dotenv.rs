//! Lines `NAME=VALUE`, read so that no value can be taken for another one.
//!
//! There is no standard, and readers differ in what quotes, backslashes and `#` mean. This reader accepts
//! what python-dotenv and the option `--env-file` of node read alike, and refuses all other lines. The maintained
//! crates are unsuitable: `dotenvy` substitutes variables of this process, and joins a value with the next
//! one after `'…\'`; `dotenvor` cuts `pass#word` at the `#`.
//!
//! - A name may follow `export` and a space. Blank lines and lines that begin with `#` are skipped.
//! - `'…'` is literal, with all its lines. python-dotenv has the escapes `\\` and `\'` there.
//! - `"…"` may have lines too, and the escape `\n`. python-dotenv has the escapes `\\ \' \" \a \b \f \r \t \v`,
//!   and node ends the value at `\"`. Other backslashes are literal.
//! - A value without quotes ends with its line, or before a space and a `#`; node ends it at any `#`. It has no
//!   quotes and no backslashes, which shells interpret.
//! - A `$` is literal, but python-dotenv substitutes `${…}` in any quotes.
//! - node removes spaces around names and values, and python-dotenv all white space.

use zeroize::Zeroizing;

use super::pair::{Pair, Problem, Value};

const UNQUOTED: &str = "its value has a quote, a back-tick, a backslash or unusual white space, which \
                        readers take differently outside quotes; put it in quotes";
const COMMENT: &str = "its value has a `#`, which some readers take for a comment; put the value in quotes, \
                       and a space before a comment";
const NO_BREAK_SPACE: &str = "it has a no-break space (U+00A0) before or after its value, which looks like a space, but is none \
                              for some readers; replace it with a space";
const VARIABLE: &str =
    "its value has `${`, which some readers take for a variable; set this secret by itself";
const LITERAL: &str = "its value has two backslashes in a row, or one before a single quote, which readers \
                       take differently between single quotes; set this secret by itself";
const ESCAPE: &str = "its value has an escape other than \\n, which readers take differently; put it in single \
                      quotes";
const CARRIAGE_RETURN: &str = "its value has a carriage return between quotes, which some readers drop; save the \
                               file with LF as line ends";

/// A value, or the reason to refuse it; and the text after it.
type Read<'a> = (Result<Zeroizing<String>, &'static str>, &'a str);

/// Reads all pairs in order, and describes every invalid line without quoting it.
pub(super) fn read(text: &str) -> (Vec<Pair>, Vec<Problem>) {
    read_with(text, None)
}

/// Reads pairs as [`read`] does. A value without quotes that begins with `scheme` is a reference of ours, which
/// may have a `#`.
pub(in crate::commands) fn read_with(
    text: &str,
    scheme: Option<&str>,
) -> (Vec<Pair>, Vec<Problem>) {
    let (mut pairs, mut problems) = (Vec::new(), Vec::new());
    let (mut rest, mut number) = (text, 1);
    while !rest.is_empty() {
        let (line, mut after) = split_line(rest);
        if let Some((name, value)) = assignment(line) {
            let (value, behind) = value_of(&rest[line.len() - value.len()..], scheme);
            after = split_line(behind).1;
            let value = value.map_or_else(
                |problem| {
                    problems.push(Problem::at(number, problem));
                    Value::Invalid
                },
                Value::Text,
            );
            pairs.push(Pair {
                line: number,
                name: name.to_owned(),
                value,
            });
        } else if !is_blank(line) {
            problems.push(Problem::at(number, "it is not NAME=VALUE"));
        }
        let (used, _) = rest.split_at(rest.len() - after.len());
        number += used.matches('\n').count() + 1;
        rest = after.strip_prefix('\n').unwrap_or(after);
    }
    (pairs, problems)
}

/// Splits a text at the end of its first line.
fn split_line(text: &str) -> (&str, &str) {
    text.split_at(text.find('\n').unwrap_or(text.len()))
}

/// Splits a line into the name, and the text from the first character of the value.
fn assignment(line: &str) -> Option<(&str, &str)> {
    if is_blank(line) {
        return None;
    }
    let (name, value) = line.split_once('=')?;
    let name = name.trim_matches(' ');
    let name = name.strip_prefix("export ").unwrap_or(name);
    Some((name, value.trim_start_matches(' ')))
}

/// Returns true if a text has only white space or a comment.
fn is_blank(text: &str) -> bool {
    let text = text.trim_start();
    text.is_empty() || text.starts_with('#')
}

fn value_of<'a>(text: &'a str, scheme: Option<&str>) -> Read<'a> {
    let (value, after) = match text.chars().next() {
        Some('\'') => literal(text),
        Some('"') => escaped(text),
        _ => unquoted(text, scheme),
    };
    match value {
        Ok(value) if value.contains("${") => (Err(VARIABLE), after),
        value => (value, after),
    }
}

fn literal(text: &str) -> Read<'_> {
    let Some((value, after)) = text[1..].split_once('\'') else {
        return unclosed(text);
    };
    if value.contains("\\\\") || value.ends_with('\\') {
        return (Err(LITERAL), after);
    }
    quoted(Zeroizing::new(value.to_owned()), after)
}

fn escaped(text: &str) -> Read<'_> {
    // An escape is longer than its character, so nothing grows, which would leave a copy.
    let mut value = Zeroizing::new(String::with_capacity(text.len()));
    let mut is_ambiguous = false;
    let mut characters = text[1..].chars();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_ambiguous => return (Err(ESCAPE), characters.as_str()),
            '"' => return quoted(value, characters.as_str()),
            '\\' => match characters.next() {
                Some('n') => value.push('\n'),
                Some('\\' | '\'' | '"' | 'a' | 'b' | 'f' | 'r' | 't' | 'v') => is_ambiguous = true,
                Some(other) => value.extend(['\\', other]),
                None => return unclosed(text),
            },
            character => value.push(character),
        }
    }
    unclosed(text)
}

/// Checks a value between quotes, and that at most a comment follows in its line.
fn quoted(value: Zeroizing<String>, after: &str) -> Read<'_> {
    let (tail, after) = split_line(after);
    let comment = tail.trim_end().trim_start_matches([' ', '\t']);
    if value.contains('\r') {
        (Err(CARRIAGE_RETURN), after)
    } else if comment.starts_with('\u{a0}') {
        (Err(NO_BREAK_SPACE), after)
    } else if !comment.is_empty() && (!comment.starts_with('#') || tail.starts_with('#')) {
        (Err("there is text after the closing quote"), after)
    } else {
        (Ok(value), after)
    }
}

fn unquoted<'a>(text: &'a str, scheme: Option<&str>) -> Read<'a> {
    let (line, after) = split_line(text);
    let is_reference = scheme.is_some_and(|scheme| line.starts_with(scheme));
    let comment = if is_reference { " #" } else { "#" };
    let value = match line.split_once(comment) {
        Some((value, _)) if is_reference || value.ends_with(' ') => value,
        Some((value, _)) if value.ends_with('\u{a0}') => return (Err(NO_BREAK_SPACE), after),
        Some(_) => return (Err(COMMENT), after),
        None => line.strip_suffix('\r').unwrap_or(line),
    };
    let value = value.trim_end_matches(' ');
    if value.starts_with('\u{a0}') || value.ends_with('\u{a0}') {
        return (Err(NO_BREAK_SPACE), after);
    }
    if value.contains(['\'', '"', '`', '\\', '\r']) || value != value.trim() {
        return (Err(UNQUOTED), after);
    }
    (Ok(Zeroizing::new(value.to_owned())), after)
}

fn unclosed(text: &str) -> Read<'_> {
    (Err("its value has no closing quote"), split_line(text).1)
}

#[cfg(test)]
mod tests;
