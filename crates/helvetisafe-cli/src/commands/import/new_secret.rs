//! The secrets of an import, checked before anything is written.

use std::collections::BTreeSet;

use helvetisafe::KeyName;
use zeroize::Zeroizing;

use super::pair::{Pair, Value};
use crate::ui::terminal::escape_line;

/// A secret to write.
pub(super) struct NewSecret {
    pub(super) key: KeyName,
    pub(super) content: Content,
}

pub(super) enum Content {
    Value(Zeroizing<String>),
    Fields(Vec<(String, Zeroizing<String>)>),
}

/// Turns pairs into secrets, or describes every pair that cannot become one.
pub(super) fn check(pairs: Vec<Pair>) -> Result<Vec<NewSecret>, Vec<String>> {
    let mut problems = Vec::new();
    for name in duplicates(&pairs) {
        problems.push(format!("`{}` occurs more than once", escape_line(name)));
    }
    let mut secrets = Vec::with_capacity(pairs.len());
    for pair in pairs {
        match secret(pair) {
            Ok(secret) => secrets.push(secret),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(secrets)
    } else {
        Err(problems)
    }
}

/// Returns the names that occur more than once.
fn duplicates(pairs: &[Pair]) -> BTreeSet<&str> {
    let mut seen = BTreeSet::new();
    let names = pairs.iter().map(|pair| pair.name.as_str());
    names.filter(|name| !seen.insert(*name)).collect()
}

fn secret(pair: Pair) -> Result<NewSecret, String> {
    let shown = escape_line(&pair.name).into_owned();
    let key = KeyName::parse(pair.name)
        .map_err(|error| format!("`{shown}` is not a valid name: {error}"))?;
    let content = match pair.value {
        Value::Text(text) => Content::Value(text),
        Value::Object(members) => Content::Fields(fields(&key, members)?),
        Value::Other(what) => return Err(not_text(&shown, what)),
    };
    Ok(NewSecret { key, content })
}

fn fields(key: &KeyName, members: Vec<Pair>) -> Result<Vec<(String, Zeroizing<String>)>, String> {
    if members.is_empty() {
        return Err(format!("`{key}` is an object without fields"));
    }
    if let Some(name) = duplicates(&members).first() {
        return Err(format!(
            "`{key}.{}` occurs more than once",
            escape_line(name)
        ));
    }
    let field = |pair: Pair| {
        let shown = format!("{key}.{}", escape_line(&pair.name));
        if pair.name == key.as_str() {
            // The secret would be read as one value.
            return Err(format!("`{shown}` is a field with the name of its secret"));
        }
        match pair.value {
            Value::Text(text) => Ok((pair.name, text)),
            Value::Object(_) => Err(not_text(&shown, "an object inside an object")),
            Value::Other(what) => Err(not_text(&shown, what)),
        }
    };
    members.into_iter().map(field).collect()
}

fn not_text(name: &str, what: &str) -> String {
    format!("`{name}` is {what}, and a secret is text: put it in quotes, or remove it")
}
