//! The secrets of an import, checked before anything is written.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use helvetisafe::KeyName;
use zeroize::Zeroizing;

use super::pair::{Pair, Problem, Value};
use super::structured;
use crate::commands::content::Content;
use crate::ui::terminal::escape_line;

/// The name and the value of a field.
pub(in crate::commands) type NewField = (String, Zeroizing<String>);

/// A secret to write.
pub(super) struct NewSecret {
    pub(super) key: KeyName,
    /// The line of its name.
    pub(super) line: usize,
    pub(super) content: NewContent,
}

pub(super) enum NewContent {
    Value(Zeroizing<String>),
    Fields(Vec<NewField>),
}

impl NewContent {
    pub(super) fn borrowed(&self) -> Content<'_> {
        match self {
            Self::Value(value) => Content::Value(value),
            Self::Fields(fields) => Content::Fields(texts(fields)),
        }
    }
}

/// Borrows the names and values of fields.
pub(in crate::commands) fn texts(fields: &[NewField]) -> Vec<(&str, &str)> {
    let texts = fields.iter();
    texts
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

impl NewSecret {
    /// Returns the name of its field, if it has one alone.
    pub(super) fn only_field(&self) -> Option<&str> {
        match &self.content {
            NewContent::Fields(fields) if fields.len() == 1 => Some(fields.first()?.0.as_str()),
            _ => None,
        }
    }

    /// Returns the variables that it becomes, each as `KEY` or `KEY.FIELD`, and by its name.
    pub(super) fn variables(&self) -> Vec<(String, &str)> {
        let key = self.key.as_str();
        match &self.content {
            NewContent::Value(_) => vec![(key.to_owned(), key)],
            NewContent::Fields(fields) => {
                let fields = fields.iter().map(|(name, _)| name.as_str());
                fields
                    .map(|name| (format!("{key}.{}", escape_line(name)), name))
                    .collect()
            }
        }
    }
}

/// Parses a JSON object of texts as the fields of a secret, or describes everything that is wrong in it.
pub(in crate::commands) fn fields_in(
    json: &str,
    key: &KeyName,
) -> Result<Vec<NewField>, Vec<Problem>> {
    let members = structured::json(json).map_err(|problem| vec![Problem::of_file(problem)])?;
    match members.is_empty() {
        true => Err(vec![Problem::of_file("it has no fields".to_owned())]),
        false => fields(key, members),
    }
}

/// Turns pairs into secrets, and describes every pair that cannot become one.
pub(super) fn check(pairs: Vec<Pair>) -> (Vec<NewSecret>, Vec<Problem>) {
    let mut problems = duplicates(&pairs, "");
    let mut secrets = Vec::with_capacity(pairs.len());
    for pair in pairs {
        match secret(pair) {
            Ok(secret) => secrets.push(secret),
            Err(more) => problems.extend(more),
        }
    }
    (secrets, problems)
}

/// Describes the names that occur before.
fn duplicates(pairs: &[Pair], prefix: &str) -> Vec<Problem> {
    let mut first = BTreeMap::new();
    let again = pairs
        .iter()
        .filter_map(|pair| match first.entry(pair.name.as_str()) {
            Entry::Vacant(entry) => {
                entry.insert(pair.line);
                None
            }
            Entry::Occupied(entry) => Some(Problem::at(
                pair.line,
                format!(
                    "`{prefix}{}` occurs more than once, first in line {}",
                    escape_line(&pair.name),
                    entry.get()
                ),
            )),
        });
    again.collect()
}

fn secret(pair: Pair) -> Result<NewSecret, Vec<Problem>> {
    let line = pair.line;
    let fail = |message: String| vec![Problem::at(line, message)];
    let shown = escape_line(&pair.name).into_owned();
    let key = KeyName::parse(pair.name)
        .map_err(|error| fail(format!("`{shown}` is not a valid name: {error}")))?;
    let content = match pair.value {
        Value::Text(text) => NewContent::Value(text),
        Value::Object(members) if members.is_empty() => {
            return Err(fail(format!("`{key}` is an object without fields")));
        }
        Value::Object(members) => NewContent::Fields(fields(&key, members)?),
        Value::Other(what) => return Err(fail(not_text(&shown, what))),
        Value::Invalid => return Err(Vec::new()),
    };
    Ok(NewSecret { key, line, content })
}

fn fields(key: &KeyName, members: Vec<Pair>) -> Result<Vec<NewField>, Vec<Problem>> {
    let mut problems = duplicates(&members, &format!("{key}."));
    let mut fields = Vec::with_capacity(members.len());
    for pair in members {
        let line = pair.line;
        match field(key, pair) {
            Ok(field) => fields.push(field),
            Err(message) => problems.push(Problem::at(line, message)),
        }
    }
    if problems.is_empty() {
        Ok(fields)
    } else {
        Err(problems)
    }
}

fn field(key: &KeyName, pair: Pair) -> Result<(String, Zeroizing<String>), String> {
    let shown = format!("{key}.{}", escape_line(&pair.name));
    if pair.name == key.as_str() {
        // The secret would be read as one value.
        return Err(format!("`{shown}` is a field with the name of its secret"));
    }
    match pair.value {
        Value::Text(text) => Ok((pair.name, text)),
        Value::Object(_) => Err(not_text(&shown, "an object inside an object")),
        Value::Other(what) => Err(not_text(&shown, what)),
        Value::Invalid => Err(not_text(&shown, "invalid")),
    }
}

fn not_text(name: &str, what: &str) -> String {
    format!("`{name}` is {what}, and a secret is text: put it in quotes, or remove it")
}
