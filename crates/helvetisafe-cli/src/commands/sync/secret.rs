//! A Secret, as the API server sends it and takes it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// A value in base64, as a Secret has it: equal texts are equal values. It never prints itself.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Encoded(Zeroizing<String>);

impl Encoded {
    pub(super) fn of(value: &SecretString) -> Self {
        let value = value.expose_secret();
        // Enough room, so that no copy stays behind.
        let mut text = Zeroizing::new(String::with_capacity(value.len() / 3 * 4 + 4));
        STANDARD.encode_string(value, &mut text);
        Self(text)
    }
}

impl Serialize for Encoded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Encoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

/// A Secret of the cluster.
#[derive(Default, Deserialize)]
pub(super) struct Secret {
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    #[serde(default)]
    pub(super) data: BTreeMap<String, Encoded>,
    #[serde(default)]
    pub(super) immutable: Option<bool>,
    #[serde(default)]
    pub(super) r#type: Option<String>,
}

/// A Secret to write, or the part of it to apply.
#[derive(Serialize)]
pub(super) struct Manifest<'a> {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    kind: &'static str,
    metadata: &'a ObjectMeta,
    data: BTreeMap<&'a str, &'a Encoded>,
    #[serde(skip_serializing_if = "Option::is_none")]
    immutable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'a str>,
}

impl<'a> Manifest<'a> {
    pub(super) fn new(
        metadata: &'a ObjectMeta,
        data: impl Iterator<Item = (&'a String, &'a Encoded)>,
        r#type: Option<&'a str>,
    ) -> Self {
        Self {
            api_version: "v1",
            kind: "Secret",
            metadata,
            data: data.map(|(name, value)| (name.as_str(), value)).collect(),
            immutable: None,
            r#type,
        }
    }

    pub(super) fn immutable(self, immutable: Option<bool>) -> Self {
        Self { immutable, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_base64_on_the_wire() {
        let value = Encoded::of(&"it's\n".into());
        assert_eq!(serde_json::to_string(&value).unwrap(), "\"aXQncwo=\"");
        let read: Secret = serde_json::from_str(r#"{"data":{"A":"aXQncwo="}}"#).unwrap();
        assert!(read.data["A"] == value);
    }
}
