//! The remembered part of an organization: the newest head of its signed chain, and the key that vouches for it.
//!
//! ```json
//! {
//!   "id": "0123456789abcdef",
//!   "head": { "sequence": 3, "hash": "64 hexadecimal digits" },
//!   "verification_key": "ed25519:…"
//! }
//! ```

use helvetisafe::organization::{Anchor, Chain, Head, VerificationKey};
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
    /// The verification key of the administrator that the account trusts: its own, that of the inviter, or one that was
    /// configured since and signed an entry of the chain.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "key")]
    pub(crate) verification_key: Option<VerificationKey>,
}

impl KnownOrganization {
    pub(crate) fn anchor(&self) -> Anchor {
        Anchor::Head(self.head)
    }

    /// Advances to a later head, which is of the verified chain or was signed after it, if the chain has the remembered
    /// head. A head that the chain does not reach stays: the next command starts from it. Returns false if the chain is
    /// another history.
    pub(super) fn advance(&mut self, later: &Self, chain: Option<&Chain>) -> bool {
        if self.id != later.id {
            return false;
        }
        self.verification_key = later.verification_key.or(self.verification_key);
        let (seen, new) = (self.head.sequence, later.head.sequence);
        match chain {
            Some(chain) if chain.contains(&self.head) => {
                self.head = if new > seen { later.head } else { self.head };
                true
            }
            Some(chain) if seen <= chain.head().sequence => false,
            _ => seen != new || self.head == later.head,
        }
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
    use helvetisafe::organization::{OrgKey, PrivateKey, PublicKeyInfo, SigningKey};

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

    /// Returns a chain with this many rotations, the first one to the org key of a number.
    fn chain(key: &SigningKey, rotations: u8, first: u8) -> Chain {
        let public_key = PrivateKey::from_pem(helvetisafe_test_support::PEM).unwrap();
        let public_key = PublicKeyInfo::try_from(&public_key.public_key()).unwrap();
        let org_key = |number: u8| OrgKey::from_bytes(&[number; 32]).fingerprint();
        let genesis = Chain::found("acme", 1, &org_key(0), "a-1", "ada", &public_key, key);
        let anchor = Anchor::Head(genesis.head());
        let mut chain = Chain::follow("acme", &anchor, &[genesis]).unwrap();
        for number in 0..rotations {
            let entry = chain.rotate(&org_key(first + number), key).unwrap();
            chain.append(&entry).unwrap();
        }
        chain
    }

    fn at(chain: &Chain) -> KnownOrganization {
        KnownOrganization {
            id: "acme".to_owned(),
            head: *chain.head(),
            verification_key: None,
        }
    }

    /// Two commands follow different branches at once. A head is replaced only by one of a chain that contains it.
    #[test]
    fn a_head_moves_forward_along_one_chain() {
        let key = SigningKey::generate().unwrap();
        let chain = |rotations, first| chain(&key, rotations, first);
        let (short, long) = (chain(1, 1), chain(3, 1));
        let mut known = at(&short);
        assert!(known.advance(&at(&long), Some(&long)));
        assert_eq!(known, at(&long));
        // A chain that ends earlier proves nothing, and changes nothing.
        assert!(known.advance(&at(&short), Some(&short)));
        assert_eq!(known, at(&long));

        let (branch, shorter_branch) = (chain(4, 9), chain(2, 9));
        assert!(!known.advance(&at(&branch), Some(&branch)));
        assert!(known.advance(&at(&shorter_branch), Some(&shorter_branch)));
        assert_eq!(known, at(&long));
        let mut known = at(&shorter_branch);
        assert!(!known.advance(&at(&long), Some(&long)));
        assert_eq!(known, at(&shorter_branch));

        // A change after the chain, which this command made.
        let mut known = at(&short);
        assert!(known.advance(&at(&long), Some(&short)));
        assert_eq!(known, at(&long));
        // Without a chain nothing is replaced.
        let mut known = at(&short);
        assert!(known.advance(&at(&long), None));
        assert_eq!(known, at(&short));
        let mut other = at(&long);
        other.id = "another".to_owned();
        assert!(!known.advance(&other, Some(&long)));
    }
}
