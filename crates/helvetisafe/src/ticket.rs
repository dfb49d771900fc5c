//! What a later client begins with: an access token, sealed, and what it takes to open it.
//!
//! One text, `2.NONCE.VALUE.ORG_KEY`, in base64: the token sealed under the org key with a label of its
//! own, and the org key wrapped for the account. Where a password unlocks the account's key, that follows as the vault
//! keeps it: `.CIPHERTEXT.NONCE.SALT.TAG`.

use helvetisafe_crypto::{EncodedLockedKey, Envelope, LockedPrivateKey, WrappedOrgKey};

/// Version 1 had no label; its tickets are ignored, and a token is fetched instead.
const VERSION: &str = "2";

/// All of it is ciphertext.
pub(crate) struct Ticket {
    pub(crate) token: Envelope,
    pub(crate) org_key: WrappedOrgKey,
    pub(crate) locked_key: Option<LockedPrivateKey>,
}

impl Ticket {
    pub(crate) fn encode(&self) -> String {
        let mut parts = vec![
            VERSION.to_owned(),
            self.token.encode_nonce(),
            self.token.encode_value(),
            self.org_key.encode(),
        ];
        if let Some(key) = &self.locked_key {
            let key = key.encode();
            parts.extend([key.ciphertext, key.nonce, key.salt, key.tag]);
        }
        parts.join(".")
    }

    /// `None` when the text is no ticket.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.split('.').collect();
        let [VERSION, nonce, value, org_key, locked_key @ ..] = parts.as_slice() else {
            return None;
        };
        let locked_key = match *locked_key {
            [] => None,
            [ciphertext, nonce, salt, tag] => Some(EncodedLockedKey {
                ciphertext: ciphertext.to_owned(),
                nonce: nonce.to_owned(),
                salt: salt.to_owned(),
                tag: tag.to_owned(),
            }),
            _ => return None,
        };
        let decode = |key| LockedPrivateKey::decode(&key);
        Some(Self {
            token: Envelope::decode(value, nonce).ok()?,
            org_key: WrappedOrgKey::decode(org_key).ok()?,
            locked_key: locked_key.map(decode).transpose().ok()?,
        })
    }
}
