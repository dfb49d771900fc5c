//! One entry of the chain: its encoding, its hash and its signature.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{ChainError, Head};
use crate::Fingerprint;
use crate::organization::encoding::{self, Reader, Writer};
use crate::organization::{SigningKey, VerificationKey};

/// A change of the organization.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The organization was founded, with one member, who is its administrator.
    Genesis {
        /// The fingerprint of the first org key.
        fingerprint: Fingerprint,
        /// The account of the founder.
        account: String,
        /// The name of the founder, for people.
        name: String,
        /// The hash of the founder's public key: [`PublicKeyInfo::hash`](crate::organization::PublicKeyInfo::hash).
        public_key_hash: [u8; 32],
        /// The verification key of the founder.
        key: VerificationKey,
    },
    /// An account became a member.
    MemberConfirmed {
        /// The account.
        account: String,
        /// Its name, for people: that of the invitation.
        name: String,
        /// The id of the invitation, which is used up.
        invitation: [u8; 32],
        /// The hash of its public key.
        public_key_hash: [u8; 32],
    },
    /// An account is no longer a member, nor an administrator.
    MemberDisabled {
        /// The account.
        account: String,
    },
    /// A member became an administrator.
    AdministratorAdded {
        /// The account.
        account: String,
        /// Its verification key.
        key: VerificationKey,
    },
    /// A member is no longer an administrator.
    AdministratorRemoved {
        /// The account.
        account: String,
    },
    /// The org key was replaced.
    Rotation {
        /// The fingerprint of the new org key.
        fingerprint: Fingerprint,
    },
}

/// A signed entry of the chain. Its signature is only checked by [`Chain`](super::Chain).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub(super) content: Content,
    pub(super) signature: [u8; 64],
}

/// The signed content of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) organization: String,
    pub(super) sequence: u64,
    pub(super) previous: [u8; 32],
    pub(super) epoch: u64,
    pub(super) event: Event,
    /// The verification keys that are valid after this entry.
    pub(super) keys: BTreeSet<VerificationKey>,
    pub(super) signer: VerificationKey,
}

impl Entry {
    const HASH: &str = "HelvetiSafe chain entry hash v1";

    /// Reads an entry: the fields of its content, and the signature as the last field.
    ///
    /// # Errors
    ///
    /// [`ChainError::Malformed`] when the bytes are not the one encoding of an entry.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ChainError> {
        let mut fields = Reader::new(bytes);
        let entry = Content::read(&mut fields)
            .zip(fields.array())
            .map(|(content, signature)| Self { content, signature });
        // Writing it again shows whether lists are sorted and have no element twice.
        entry
            .filter(|entry| fields.rest().is_empty() && entry.to_bytes() == bytes)
            .ok_or(ChainError::Malformed)
    }

    /// Returns the encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.content.write().bytes(&self.signature).into_bytes()
    }

    /// Returns the change.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.content.event
    }

    /// Returns the sequence number and the hash of this entry.
    #[must_use]
    pub fn head(&self) -> Head {
        Head {
            sequence: self.content.sequence,
            hash: encoding::hash(Self::HASH, &self.to_bytes()),
        }
    }

    /// Returns the epoch after this entry.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.content.epoch
    }

    /// Returns the key that the entry claims to be signed with.
    #[must_use]
    pub fn signer(&self) -> &VerificationKey {
        &self.content.signer
    }

    /// Returns true if the entry names this key as its signer, and its signature verifies. It does not show that the key is an
    /// administrator's, nor that the entry fits a chain: only [`Chain::append`](super::Chain::append) does. A vault, which
    /// knows the key of its caller, refuses another entry with it before it verifies a whole chain.
    ///
    /// ```
    /// # use helvetisafe_crypto::organization::{Chain, PublicKeyInfo, SigningKey};
    /// # use helvetisafe_crypto::{OrgKey, PrivateKey};
    /// # fn example(private_key: &PrivateKey) -> Result<(), Box<dyn std::error::Error>> {
    /// let (ada, eve) = (SigningKey::generate()?, SigningKey::generate()?);
    /// let public_key = PublicKeyInfo::try_from(&private_key.public_key())?;
    /// let fingerprint = OrgKey::generate()?.fingerprint();
    /// let genesis = Chain::found("acme", 1, &fingerprint, "ada", "Ada", &public_key, &ada);
    /// assert!(genesis.is_signed_by(&ada.verification_key()));
    /// assert!(!genesis.is_signed_by(&eve.verification_key()));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_signed_by(&self, key: &VerificationKey) -> bool {
        self.content.signer == *key && self.has_valid_signature()
    }

    pub(super) fn sign(content: Content, key: &SigningKey) -> Self {
        let signature = key.sign(content.write().as_bytes());
        Self { content, signature }
    }

    pub(super) fn has_valid_signature(&self) -> bool {
        let message = self.content.write();
        self.content
            .signer
            .is_signature(message.as_bytes(), &self.signature)
    }
}

const GENESIS: &str = "HelvetiSafe chain genesis v1";
const MEMBER_CONFIRMED: &str = "HelvetiSafe chain member confirmed v1";
const MEMBER_DISABLED: &str = "HelvetiSafe chain member disabled v1";
const ADMINISTRATOR_ADDED: &str = "HelvetiSafe chain administrator added v1";
const ADMINISTRATOR_REMOVED: &str = "HelvetiSafe chain administrator removed v1";
const ROTATION: &str = "HelvetiSafe chain rotation v1";

impl Content {
    fn write(&self) -> Writer {
        let fields = Writer::new(self.event.label())
            .text(&self.organization)
            .number(self.sequence)
            .bytes(&self.previous)
            .number(self.epoch);
        self.event
            .write(fields)
            .list(self.keys.iter())
            .bytes(self.signer.as_bytes())
    }

    fn read(fields: &mut Reader<'_>) -> Option<Self> {
        let label = fields.text()?;
        Some(Self {
            organization: fields.text()?.to_string(),
            sequence: fields.number()?,
            previous: fields.array()?,
            epoch: fields.number()?,
            event: Event::read(label, fields)?,
            keys: (0..fields.number()?)
                .map(|_| key(fields))
                .collect::<Option<_>>()?,
            signer: key(fields)?,
        })
    }
}

impl Event {
    fn label(&self) -> &'static str {
        match self {
            Self::Genesis { .. } => GENESIS,
            Self::MemberConfirmed { .. } => MEMBER_CONFIRMED,
            Self::MemberDisabled { .. } => MEMBER_DISABLED,
            Self::AdministratorAdded { .. } => ADMINISTRATOR_ADDED,
            Self::AdministratorRemoved { .. } => ADMINISTRATOR_REMOVED,
            Self::Rotation { .. } => ROTATION,
        }
    }

    fn write(&self, fields: Writer) -> Writer {
        match self {
            Self::Genesis {
                fingerprint,
                account,
                name,
                public_key_hash,
                key,
            } => fields
                .bytes(fingerprint.as_bytes())
                .text(account)
                .text(name)
                .bytes(public_key_hash)
                .bytes(key.as_bytes()),
            Self::MemberConfirmed {
                account,
                name,
                invitation,
                public_key_hash,
            } => fields
                .text(account)
                .text(name)
                .bytes(invitation)
                .bytes(public_key_hash),
            Self::MemberDisabled { account } | Self::AdministratorRemoved { account } => {
                fields.text(account)
            }
            Self::AdministratorAdded { account, key } => fields.text(account).bytes(key.as_bytes()),
            Self::Rotation { fingerprint } => fields.bytes(fingerprint.as_bytes()),
        }
    }

    fn read(label: &str, fields: &mut Reader<'_>) -> Option<Self> {
        Some(match label {
            GENESIS => Self::Genesis {
                fingerprint: fingerprint(fields)?,
                account: fields.text()?.to_string(),
                name: fields.text()?.to_string(),
                public_key_hash: fields.array()?,
                key: key(fields)?,
            },
            MEMBER_CONFIRMED => Self::MemberConfirmed {
                account: fields.text()?.to_string(),
                name: fields.text()?.to_string(),
                invitation: fields.array()?,
                public_key_hash: fields.array()?,
            },
            MEMBER_DISABLED => Self::MemberDisabled {
                account: fields.text()?.to_string(),
            },
            ADMINISTRATOR_ADDED => Self::AdministratorAdded {
                account: fields.text()?.to_string(),
                key: key(fields)?,
            },
            ADMINISTRATOR_REMOVED => Self::AdministratorRemoved {
                account: fields.text()?.to_string(),
            },
            ROTATION => Self::Rotation {
                fingerprint: fingerprint(fields)?,
            },
            _ => return None,
        })
    }
}

fn key(fields: &mut Reader<'_>) -> Option<VerificationKey> {
    VerificationKey::from_bytes(&fields.array()?).ok()
}

fn fingerprint(fields: &mut Reader<'_>) -> Option<Fingerprint> {
    fields.array().map(Fingerprint::from_bytes)
}
