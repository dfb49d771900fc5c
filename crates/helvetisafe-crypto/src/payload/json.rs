//! Reads and writes JSON without unwiped copies of values.
//!
//! `serde_json` finds the members and checks the syntax. It unescapes strings in a buffer that it does not
//! wipe, so values are taken raw and unescaped here. Objects are written to a buffer that never grows.
//! Only names with escapes still pass through the unwiped buffer.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use super::text::Text;
use crate::{Error, Plaintext};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Returns the members of a JSON object in order, with raw values. If several have the same name, only
/// the last one is returned. Returns `None` if `text` is not one JSON object.
pub(super) fn members(text: &str) -> Option<Vec<(Text, &str)>> {
    let Members(members) = serde_json::from_str(text).ok()?;
    Some(last_of_each(members))
}

/// Removes every member that has a later one of the same name.
fn last_of_each(mut members: Vec<(Text, &str)>) -> Vec<(Text, &str)> {
    if members.len() < 2 {
        return members;
    }
    let names = members.iter().enumerate();
    let last: BTreeMap<&str, usize> = names.map(|(at, (name, _))| (&**name, at)).collect();
    let last: BTreeSet<usize> = last.into_values().collect();
    let mut at = 0..;
    members.retain(|_| at.next().is_some_and(|at| last.contains(&at)));
    members
}

struct Members<'a>(Vec<(Text, &'a str)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((name, raw)) = map.next_entry::<String, &RawValue>()? {
                    members.push((name.into(), raw.get()));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

/// Returns the range of the value in `{"<key>":"<value>"}` without escapes, as [`object`] writes it; a
/// space before the value, as Python writes, is accepted. Nearly every secret has this form, and needs no
/// JSON parser.
pub(super) fn lone_value(text: &str, key: &str) -> Option<Range<usize>> {
    let rest = text.strip_prefix("{\"")?.strip_prefix(key)?;
    let rest = rest.strip_prefix("\":")?;
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    let rest = rest.strip_prefix('"')?;
    let value = rest.strip_suffix("\"}")?;
    let start = text.len() - rest.len();
    // `fold` does not stop early, so that the compiler can check many bytes at a time.
    let is_plain = |text: &str| {
        let escapes = text.bytes().map(needs_escape);
        !escapes.fold(false, |any, needed| any | needed)
    };
    (is_plain(key) && is_plain(value)).then_some(start..start + value.len())
}

/// Returns true if a raw value is a string.
pub(super) fn is_string(raw: &str) -> bool {
    raw.starts_with('"')
}

/// Returns the content of a raw string, or the JSON text of any other raw value.
pub(super) fn text(raw: &str) -> Result<Text, Error> {
    if is_string(raw) {
        unescape(raw)
    } else {
        Ok(Text::from(raw))
    }
}

/// Unescapes a JSON string, RFC 8259 section 7. `raw` has its quotes, and its syntax is already checked.
/// No escape is shorter than the character it stands for, so the buffer never grows.
///
/// Fails with [`Error::Payload`] on an unpaired surrogate.
pub(super) fn unescape(raw: &str) -> Result<Text, Error> {
    let inner = raw
        .get(1..raw.len().saturating_sub(1))
        .ok_or(Error::Payload)?;
    let mut unescaped = Text::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        unescaped.push_str(&rest[..at]);
        let (character, length) = escaped_character(&rest[at..])?;
        unescaped.push(character);
        rest = &rest[at + length..];
    }
    unescaped.push_str(rest);
    Ok(unescaped)
}

/// Returns the character of the escape at the start of `text`, and the length of the escape in bytes.
fn escaped_character(text: &str) -> Result<(char, usize), Error> {
    let character = match text.as_bytes().get(1) {
        Some(b'u') => return unicode_escape(text),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(&other @ (b'"' | b'\\' | b'/')) => char::from(other),
        _ => return Err(Error::Payload),
    };
    Ok((character, 2))
}

/// Reads `\uXXXX`, or two of them that make a surrogate pair.
fn unicode_escape(text: &str) -> Result<(char, usize), Error> {
    let units = [code_unit(text), text.get(6..).and_then(code_unit)];
    let mut units = units.into_iter().map_while(|unit| unit);
    match char::decode_utf16(&mut units).next() {
        Some(Ok(character)) => Ok((character, 6 * character.len_utf16())),
        _ => Err(Error::Payload),
    }
}

fn code_unit(escape: &str) -> Option<u16> {
    u16::from_str_radix(escape.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

/// A value to write: text to escape, or raw JSON.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Raw(&'a str),
}

/// Writes a JSON object in one allocation.
pub(super) fn object(fields: &[(&str, Value<'_>)]) -> Plaintext {
    // Two quotes, a colon and a comma per field; two braces, and no comma after the last.
    let length = |(name, value): &(&str, Value<'_>)| escaped_len(name) + value.len() + 4;
    let length = fields.iter().map(length).sum::<usize>() + 1;
    let mut plaintext = Plaintext::with_capacity(length.max(2));
    let json = plaintext.as_mut_vec();
    json.push(b'{');
    for (n, (name, value)) in fields.iter().enumerate() {
        if n > 0 {
            json.push(b',');
        }
        push_string(json, name);
        json.push(b':');
        match value {
            Value::Text(text) => push_string(json, text),
            Value::Raw(raw) => json.extend_from_slice(raw.as_bytes()),
        }
    }
    json.push(b'}');
    plaintext
}

impl Value<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => escaped_len(text) + 2,
            Self::Raw(raw) => raw.len(),
        }
    }
}

fn escaped_len(text: &str) -> usize {
    text.bytes().map(|byte| escape(byte).len()).sum()
}

fn push_string(json: &mut Vec<u8>, text: &str) {
    json.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| needs_escape(byte)) {
        json.extend_from_slice(&rest[..at]);
        json.extend_from_slice(escape(rest[at]).as_bytes());
        rest = &rest[at + 1..];
    }
    json.extend_from_slice(rest);
    json.push(b'"');
}

/// Returns true if a JSON string must escape the byte: quotation mark, reverse solidus and control
/// characters, RFC 8259 section 7.
fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Returns the escape of a byte. For a byte that needs none, the result has the right length, one, and
/// the caller copies the byte.
fn escape(byte: u8) -> &'static str {
    const CONTROLS: [&str; 32] = [
        "\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006", "\\u0007",
        "\\b", "\\t", "\\n", "\\u000b", "\\f", "\\r", "\\u000e", "\\u000f", "\\u0010", "\\u0011",
        "\\u0012", "\\u0013", "\\u0014", "\\u0015", "\\u0016", "\\u0017", "\\u0018", "\\u0019",
        "\\u001a", "\\u001b", "\\u001c", "\\u001d", "\\u001e", "\\u001f",
    ];
    match byte {
        b'"' => "\\\"",
        b'\\' => "\\\\",
        other => CONTROLS.get(usize::from(other)).copied().unwrap_or("."),
    }
}
