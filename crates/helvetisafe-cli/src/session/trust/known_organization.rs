//! The remembered part of an organization: the newest head of its signed chain, and the key that vouches for it.
//!
//! ```json
//! {
//!   "id": "0123456789abcdef",
//!   "head": { "sequence": 3, "hash": "64 hexadecimal digits" },
//!   "verification_key": "ed25519:…"
//! }
//! ```

use helvetisafe::organization::{Anchor, Head, VerificationKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::random;

/// The organization of a remembered vault and account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownOrganization {
    /// The id: 16 hexadecimal digits.
    pub(crate) id: String,
    /// The newest head that was verified. A chain without it is refused.
    #[serde(with = "head")]
    pub(crate) head: Head,
    /// The verification key of the administrator that the account trusts: its own, or that of the inviter.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "key")]
    pub(crate) verification_key: Option<VerificationKey>,
}

impl KnownOrganization {
    pub(crate) fn anchor(&self) -> Anchor {
        Anchor::Head(self.head)
    }

    /// Advances to a part that was verified later. Returns false if it is of another history.
    pub(super) fn advance(&mut self, later: &Self) -> bool {
        if self.id != later.id {
            return false;
        }
        let key = self.verification_key.or(later.verification_key);
        let is_known = self.head.sequence >= later.head.sequence;
        let is_fork = self.head.sequence == later.head.sequence && self.head != later.head;
        if !is_known {
            self.head = later.head;
        }
        self.verification_key = key;
        !is_fork
    }
}

mod head {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Text {
        sequence: u64,
        hash: String,
    }

    pub(super) fn serialize<S: Serializer>(head: &Head, serializer: S) -> Result<S::Ok, S::Error> {
        let text = Text {
            sequence: head.sequence,
            hash: random::hex(&head.hash).to_string(),
        };
        text.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Head, D::Error> {
        let text = Text::deserialize(deserializer)?;
        let hash = random::from_hex(&text.hash);
        Ok(Head {
            sequence: text.sequence,
            hash: hash.ok_or_else(|| de::Error::custom("a hash has 64 hexadecimal digits"))?,
        })
    }
}

mod key {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        key: &Option<VerificationKey>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        key.map(|key| key.to_string()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<VerificationKey>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let key = text.map(|text| text.parse());
        key.transpose().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn known(sequence: u64, hash: u8) -> KnownOrganization {
        KnownOrganization {
            id: "0123456789abcdef".to_owned(),
            head: Head {
                sequence,
                hash: [hash; 32],
            },
            verification_key: None,
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut organization = known(7, 0xab);
        for key in [None, Some(KEY.parse().unwrap())] {
            organization.verification_key = key;
            let json = serde_json::to_string(&organization).unwrap();
            assert_eq!(json.contains(KEY), key.is_some(), "{json}");
            let again: KnownOrganization = serde_json::from_str(&json).unwrap();
            assert_eq!(again, organization);
        }
        for hash in ["ab", &"g".repeat(64), &"AB".repeat(32)] {
            let json = format!(r#"{{"id":"x","head":{{"sequence":1,"hash":"{hash}"}}}}"#);
            assert!(
                serde_json::from_str::<KnownOrganization>(&json).is_err(),
                "{hash}"
            );
        }
    }

    #[test]
    fn a_head_only_moves_forward() {
        let mut organization = known(2, 1);
        assert!(organization.advance(&known(3, 9)));
        assert_eq!(organization.head, known(3, 9).head);
        assert!(organization.advance(&known(2, 1)));
        assert_eq!(organization.head, known(3, 9).head);
        assert!(!organization.advance(&known(3, 8)));
        assert_eq!(organization.head, known(3, 9).head);
        let mut other = known(4, 1);
        other.id = "another".to_owned();
        assert!(!organization.advance(&other));
    }
}
