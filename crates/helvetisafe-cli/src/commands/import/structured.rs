//! JSON, RFC 8259, and YAML 1.2: one object of texts, or of objects of texts.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use super::pair::{Pair, Value};

pub(super) fn json(text: &str) -> Result<Vec<Pair>, String> {
    // The error could quote the contents of the file.
    let value = serde_json::from_str(text).map_err(|error| {
        format!(
            "it is not JSON (line {}, column {})",
            error.line(),
            error.column()
        )
    })?;
    members(value, "JSON")
}

#[cfg(feature = "yaml")]
pub(super) fn yaml(text: &str) -> Result<Vec<Pair>, String> {
    let options = serde_saphyr::options! {
        // All duplicates are reported later.
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
        // `yes` and `no` are texts in YAML 1.2.
        strict_booleans: true,
    };
    let value = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        // As above.
        match error.location() {
            Some(position) => format!(
                "it is not YAML (line {}, column {})",
                position.line(),
                position.column()
            ),
            None => "it is not YAML".to_owned(),
        }
    })?;
    members(value, "YAML")
}

#[cfg(not(feature = "yaml"))]
pub(super) fn yaml(_: &str) -> Result<Vec<Pair>, String> {
    Err("this command reads no YAML: it was built without the feature `yaml`; use JSON".to_owned())
}

fn members(value: Value, format: &str) -> Result<Vec<Pair>, String> {
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(format!("its {format} is not an object of names and values")),
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(Zeroizing::new(text)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry()? {
            members.push(Pair { name, value });
        }
        Ok(Value::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other("a list"))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Other("true or false"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_i128<E>(self, _: i128) -> Result<Value, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_u128<E>(self, _: u128) -> Result<Value, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Value, E> {
        Ok(Value::Other("binary"))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Other("nothing (null)"))
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(members: &[Pair]) -> String {
        let member = |found: &Pair| match &found.value {
            Value::Text(text) => format!("{}={:?}", found.name, text.as_str()),
            Value::Object(members) => format!("{}=[{}]", found.name, shown(members)),
            Value::Other(what) => format!("{} is {what}", found.name),
        };
        members.iter().map(member).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn json_has_texts_objects_and_other_things() {
        let text =
            r#"{"A": "a\n\u00e9", "B": {"C": "c", "D": 1.5}, "E": [1], "F": null, "A": true}"#;
        assert_eq!(
            shown(&json(text).unwrap()),
            r#"A="a\né", B=[C="c", D is a number], E is a list, F is nothing (null), A is true or false"#
        );
    }

    #[cfg(feature = "yaml")]
    #[test]
    fn yaml_has_the_same() {
        let text = "A: plain text\nB:\n  C: |\n    two\n    lines\n  D: 0755\nE: [1]\nF:\nG: yes\nH: \"5\"\nI: true\nA: 'it''s'\nJ: 2020-01-01\n1: k\n";
        assert_eq!(
            shown(&yaml(text).unwrap()),
            r#"A="plain text", B=[C="two\nlines\n", D is a number], E is a list, F is nothing (null), G="yes", H="5", I is true or false, A="it's", J="2020-01-01", 1="k""#
        );
    }

    #[test]
    fn invalid_files_are_refused_and_not_quoted() {
        for text in [
            "{\"A\": \"canary",
            "{\"A\" canary}",
            "canary",
            "\"canary\"",
            "[\"canary\"]",
            "{'A': canary: canary}",
            "",
            "{\"A\": \"\\ud800canary\"}",
        ] {
            let problem = json(text).err().unwrap();
            assert!(!problem.contains("canary"), "{problem}");
        }
    }

    #[test]
    fn invalid_yaml_is_refused_and_not_quoted() {
        for text in [
            "A: \"canary",
            "A: [canary",
            "canary",
            "- canary",
            "A: canary\n---\nB: canary",
            "? [canary]\n: canary",
            "A: *canary",
            "\tA: canary: canary",
            "",
        ] {
            let problem = yaml(text).err().unwrap_or_else(|| panic!("{text}"));
            assert!(!problem.contains("canary"), "{problem}");
        }
    }
}
