//! The traits of serde, with the base64 texts and the names of the wire.

use alloc::string::String;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use crate::{EncodedLockedKey, Envelope, Fingerprint, LockedPrivateKey, WrappedOrgKey};

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename = "Envelope")]
struct EncodedEnvelope {
    value: String,
    nonce: String,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename = "LockedPrivateKey", remote = "EncodedLockedKey")]
struct LockedKey {
    #[serde(rename = "encrypted_private_key")]
    ciphertext: String,
    nonce: String,
    salt: String,
    #[serde(rename = "auth_tag")]
    tag: String,
}

impl Serialize for Envelope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (value, nonce) = (self.encode_value(), self.encode_nonce());
        EncodedEnvelope { value, nonce }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let encoded = EncodedEnvelope::deserialize(deserializer)?;
        Self::decode_in_place(encoded.value, &encoded.nonce).map_err(D::Error::custom)
    }
}

impl Serialize for WrappedOrgKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode())
    }
}

impl<'de> Deserialize<'de> for WrappedOrgKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::decode(&text).map_err(D::Error::custom)
    }
}

impl Serialize for EncodedLockedKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        LockedKey::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for EncodedLockedKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        LockedKey::deserialize(deserializer)
    }
}

impl Serialize for LockedPrivateKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.encode().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for LockedPrivateKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let encoded = EncodedLockedKey::deserialize(deserializer)?;
        Self::decode(&encoded).map_err(D::Error::custom)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(all(test, feature = "getrandom"))]
mod tests {
    use std::string::ToString;

    use serde_json::{from_value, json, to_value};

    use super::*;
    use crate::OrgKey;

    #[test]
    fn each_type_has_the_json_of_the_wire() {
        let org_key = OrgKey::from_bytes(&[1; 32]);
        let envelope = org_key.seal(b"v").unwrap();
        let expected = json!({"value": envelope.encode_value(), "nonce": envelope.encode_nonce()});
        assert_eq!(to_value(&envelope).unwrap(), expected);
        assert_eq!(from_value::<Envelope>(expected).unwrap(), envelope);

        let wrapped = WrappedOrgKey::from_bytes(std::vec![0, 1]);
        assert_eq!(to_value(&wrapped).unwrap(), json!("AAE="));
        assert_eq!(from_value::<WrappedOrgKey>(json!("AAE=")).unwrap(), wrapped);

        let locked = json!({
            "encrypted_private_key": "AAE=",
            "nonce": "AAAAAAAAAAAAAAAA",
            "salt": "AAAAAAAAAAAAAAAAAAAAAA==",
            "auth_tag": "AAAAAAAAAAAAAAAAAAAAAA==",
        });
        let key: LockedPrivateKey = from_value(locked.clone()).unwrap();
        assert_eq!(to_value(&key).unwrap(), locked);

        let fingerprint = org_key.fingerprint();
        let text = json!(fingerprint.to_string());
        assert_eq!(to_value(fingerprint).unwrap(), text);
        assert_eq!(from_value::<Fingerprint>(text).unwrap(), fingerprint);
    }

    #[test]
    fn malformed_texts_are_refused() {
        assert!(from_value::<Envelope>(json!({"value": "AAAA", "nonce": "AAAA"})).is_err());
        assert!(from_value::<WrappedOrgKey>(json!("AAE")).is_err());
        assert!(from_value::<Fingerprint>(json!("SHA256:")).is_err());
        let locked = json!({"encrypted_private_key": "", "nonce": "", "salt": "", "auth_tag": ""});
        assert!(from_value::<LockedPrivateKey>(locked).is_err());
    }
}
