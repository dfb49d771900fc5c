//! What is to become a secret; or why it cannot.

use std::collections::BTreeSet;

use helvetisafe::KeyName;
use zeroize::Zeroizing;

use super::source::{Found, Value};
use crate::terminal::escape_line;

/// One secret to be.
pub(super) struct Entry {
    pub(super) key: KeyName,
    pub(super) content: Content,
}

pub(super) enum Content {
    Value(Zeroizing<String>),
    Fields(Vec<(String, Zeroizing<String>)>),
}

/// Turns all that was found into secrets to be, or names all that cannot become one.
pub(super) fn check(found: Vec<Found>) -> Result<Vec<Entry>, Vec<String>> {
    let mut problems = Vec::new();
    for name in doubled(&found) {
        problems.push(format!("`{}` is there more than once", escape_line(name)));
    }
    let mut entries = Vec::with_capacity(found.len());
    for found in found {
        match entry(found) {
            Ok(entry) => entries.push(entry),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(entries)
    } else {
        Err(problems)
    }
}

/// The names that are there more than once, each once.
fn doubled(found: &[Found]) -> BTreeSet<&str> {
    let mut seen = BTreeSet::new();
    let names = found.iter().map(|found| found.name.as_str());
    names.filter(|name| !seen.insert(*name)).collect()
}

fn entry(found: Found) -> Result<Entry, String> {
    let shown = escape_line(&found.name).into_owned();
    let key =
        KeyName::parse(found.name).map_err(|error| format!("`{shown}` is no name: {error}"))?;
    let content = match found.value {
        Value::Text(text) => Content::Value(text),
        Value::Object(members) => Content::Fields(fields(&key, members)?),
        Value::Other(what) => return Err(no_text(&shown, what)),
    };
    Ok(Entry { key, content })
}

fn fields(key: &KeyName, members: Vec<Found>) -> Result<Vec<(String, Zeroizing<String>)>, String> {
    if members.is_empty() {
        return Err(format!("`{key}` is an object without fields"));
    }
    if let Some(name) = doubled(&members).first() {
        return Err(format!(
            "`{key}.{}` is there more than once",
            escape_line(name)
        ));
    }
    let field = |found: Found| {
        let shown = format!("{key}.{}", escape_line(&found.name));
        if found.name == key.as_str() {
            // Its secret would be read as one value.
            return Err(format!("`{shown}` is a field with the name of its secret"));
        }
        match found.value {
            Value::Text(text) => Ok((found.name, text)),
            Value::Object(_) => Err(no_text(&shown, "an object inside an object")),
            Value::Other(what) => Err(no_text(&shown, what)),
        }
    };
    members.into_iter().map(field).collect()
}

fn no_text(name: &str, what: &str) -> String {
    format!("`{name}` is {what}, and a secret is text: put it in quotes, or take it out")
}
