//! The entries of one secret, as `GET /secret/KEY` returns them.

use std::collections::BTreeMap;

use helvetisafe::Secret;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// The members of a value that is a JSON object, if it is one. The service's Kubernetes package expands such a
/// value like the fields of a secret.
pub(super) struct Members(Option<BTreeMap<String, Zeroizing<String>>>);

impl Members {
    pub(super) fn of(secret: &Secret) -> Self {
        Self(match secret.fields() {
            [] => parse(secret.expose_secret()),
            _ => None,
        })
    }

    /// Returns the fields of a secret, or the members of its value, or its value under its key.
    pub(super) fn entries<'a>(&'a self, secret: &'a Secret) -> Vec<(&'a str, &'a str)> {
        match (secret.fields(), &self.0) {
            ([], None) => vec![(secret.key().as_str(), secret.expose_secret())],
            ([], Some(members)) => {
                let members = members.iter();
                members
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect()
            }
            (fields, _) => {
                let fields = fields.iter();
                fields
                    .map(|field| (field.name(), field.expose_secret()))
                    .collect()
            }
        }
    }
}

/// Parses a JSON object. A member that is no text has its JSON text; of members with one name the last counts.
fn parse(value: &str) -> Option<BTreeMap<String, Zeroizing<String>>> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(value).ok()?;
    let members = members.into_iter().map(|(name, raw)| {
        let text = serde_json::from_str::<String>(raw.get());
        let text = text.unwrap_or_else(|_| raw.get().to_owned());
        (name, Zeroizing::new(text))
    });
    Some(members.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_expanded_and_nothing_else_is() {
        let members = |value: &str| {
            let members = parse(value)?.into_iter();
            let texts = members.map(|(name, value)| format!("{name}={}", *value));
            Some(texts.collect::<Vec<_>>().join(" "))
        };
        for (value, wanted) in [
            (r#"{"B":"x","A":"a\nb"}"#, "A=a\nb B=x"),
            (
                r#" {"A": true, "B": 1.50, "C": null} "#,
                "A=true B=1.50 C=null",
            ),
            (r#"{"A": {"x": [1, 2]}}"#, r#"A={"x": [1, 2]}"#),
            (r#"{"A":"1","A":"2"}"#, "A=2"),
            ("{}", ""),
        ] {
            assert_eq!(members(value).as_deref(), Some(wanted), "{value}");
        }
        for value in ["", "x", "1", "null", "[]", r#""{}""#, "{", "{} {}", "{x:1}"] {
            assert_eq!(members(value), None, "{value}");
        }
    }
}
