//! JSON, RFC 8259, and YAML 1.2: one object of texts, or of objects of texts.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::pair::{Pair, Value};

pub(super) fn json(text: &str) -> Result<Vec<Pair>, String> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = AnyValue::<JsonName>::new().deserialize(&mut deserializer);
    let value = value.and_then(|value| deserializer.end().map(|()| value));
    // The error could quote the contents of the file.
    let value = value.map_err(|error| {
        format!(
            "it is not JSON (line {}, column {})",
            error.line(),
            error.column()
        )
    })?;
    let mut pairs = members(value, "JSON")?;
    Lines::new(text).number(&mut pairs);
    Ok(pairs)
}

#[cfg(feature = "yaml")]
pub(super) fn yaml(text: &str) -> Result<Vec<Pair>, String> {
    /// A whole file.
    struct File(Value);

    impl<'de> Deserialize<'de> for File {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            AnyValue::<YamlName>::new()
                .deserialize(deserializer)
                .map(Self)
        }
    }

    let options = serde_saphyr::options! {
        // All duplicates are reported later.
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
        // `.inf` is reported by name, as other numbers are.
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::PassThrough,
        // `yes` and `no` are texts in YAML 1.2.
        strict_booleans: true,
    };
    let File(value) = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
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

/// A name, and its place in the file.
trait Name {
    /// Returns the place, which becomes [`Pair::line`].
    fn place(&self) -> usize;

    fn into_text(self) -> String;
}

/// A name in JSON, with its address in memory: the parser does not give its line.
struct JsonName(usize, String);

impl<'de> Deserialize<'de> for JsonName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let text = serde_json::from_str(raw).map_err(Error::custom)?;
        Ok(Self(raw.as_ptr().addr(), text))
    }
}

impl Name for JsonName {
    fn place(&self) -> usize {
        self.0
    }

    fn into_text(self) -> String {
        self.1
    }
}

/// Counts the lines of a JSON text.
struct Lines<'a> {
    /// The text that is not counted yet.
    rest: &'a str,
    line: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            line: 1,
        }
    }

    /// Replaces the places of pairs, which are in the order of the text, by their lines.
    fn number(&mut self, pairs: &mut [Pair]) {
        for pair in pairs {
            let length = pair.line.saturating_sub(self.rest.as_ptr().addr());
            let (before, rest) = self
                .rest
                .split_at_checked(length)
                .unwrap_or((self.rest, ""));
            self.line += before.matches('\n').count();
            self.rest = rest;
            pair.line = self.line;
            if let Value::Object(members) = &mut pair.value {
                self.number(members);
            }
        }
    }
}

/// A name in YAML, with its line.
#[cfg(feature = "yaml")]
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct YamlName(serde_saphyr::Spanned<String>);

#[cfg(feature = "yaml")]
impl Name for YamlName {
    fn place(&self) -> usize {
        self.0.referenced.line() as usize
    }

    fn into_text(self) -> String {
        self.0.value
    }
}

/// Reads any value; `N` is the kind of names.
struct AnyValue<N>(PhantomData<N>);

impl<N> AnyValue<N> {
    fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'de, N: Deserialize<'de> + Name> DeserializeSeed<'de> for AnyValue<N> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, N: Deserialize<'de> + Name> Visitor<'de> for AnyValue<N> {
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
        while let Some(name) = map.next_key::<N>()? {
            members.push(Pair {
                line: name.place(),
                value: map.next_value_seed(Self::new())?,
                name: name.into_text(),
            });
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
        self.deserialize(deserializer)
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
            Value::Invalid => unreachable!(),
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

    /// Returns the names of pairs and of their members, with their lines.
    fn lines(pairs: &[Pair]) -> Vec<(&str, usize)> {
        let lines = pairs.iter().flat_map(|pair| {
            let members = match &pair.value {
                Value::Object(members) => lines(members),
                _ => Vec::new(),
            };
            [vec![(pair.name.as_str(), pair.line)], members].concat()
        });
        lines.collect()
    }

    #[test]
    fn names_have_their_lines() {
        let text = "{\n \"A\": \"\\n\", \"\\u0042\":\n\n{\"C\": 1,\n\"D\": \"x\"},\n\"A\": {}}\n";
        let wanted = [("A", 2), ("B", 2), ("C", 4), ("D", 5), ("A", 6)];
        assert_eq!(lines(&json(text).unwrap()), wanted);
    }

    #[cfg(feature = "yaml")]
    #[test]
    fn names_in_yaml_have_their_lines() {
        let text = "# x\nA: |\n  two\n  lines\n\"B\":\n  C: x\n\n  D: x\nA: x\n";
        let wanted = [("A", 2), ("B", 5), ("C", 6), ("D", 8), ("A", 9)];
        assert_eq!(lines(&yaml(text).unwrap()), wanted);
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
