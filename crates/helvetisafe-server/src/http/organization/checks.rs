//! Checks of the members of a body. The vault stores nothing that is malformed, but trusts none of it.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use helvetisafe_crypto::organization::{Entry, PublicKeyInfo, VerificationKey, is_name};
use helvetisafe_crypto::{EncodedLockedKey, LockedPrivateKey, WrappedOrgKey};
use helvetisafe_proto::endpoint::organization::LockedPrivateKey as StoredKey;
use helvetisafe_proto::{Base64, ScopeList, Scopes};

use crate::http::Refusal;

/// The prefix of a client id, which 22 characters of base64url follow.
const CLIENT_ID: &str = "hs_client_";

/// The largest size of an entry, in bytes, which is that of about 1 000 administrators. Its base64 fits into a body.
const LONGEST_ENTRY: usize = 40 * 1024;

/// Checks a client id: a prefix and the base64url of 16 bytes.
pub(super) fn client_id(text: &str) -> Result<(), Refusal> {
    let id = text.strip_prefix(CLIENT_ID);
    let bytes = id.and_then(|id| BASE64_URL_SAFE_NO_PAD.decode(id).ok());
    match bytes.map(|bytes| bytes.len()) {
        Some(16) => Ok(()),
        _ => Err(Refusal::invalid_member(
            "account",
            "send hs_client_ and base64url of 16 bytes",
        )),
    }
}

/// Checks the name of an account, as the chain does.
pub(super) fn name(text: &str) -> Result<(), Refusal> {
    is_name(text).then_some(()).ok_or(Refusal::invalid_member(
        "name",
        "send 1 to 128 characters, without control characters and without spaces at the ends",
    ))
}

/// Reads scopes, at least one and only known ones.
pub(super) fn scopes(list: &ScopeList) -> Result<Scopes, Refusal> {
    let scopes = list.as_str().parse::<Scopes>().ok();
    scopes
        .filter(|scopes| !scopes.is_empty())
        .ok_or(Refusal::invalid_member(
            "scopes",
            "send at least one scope, and only those of the document",
        ))
}

/// Reads the SPKI of an RSA key.
pub(super) fn public_key(der: &Base64) -> Result<PublicKeyInfo, Refusal> {
    PublicKeyInfo::from_der(der.as_ref())
        .map_err(|error| Refusal::invalid_member("public_key", error))
}

/// Reads a verification key.
pub(super) fn verification_key(bytes: &Base64) -> Result<VerificationKey, Refusal> {
    let bytes = bytes.as_ref().try_into().ok();
    let key = bytes.and_then(|bytes| VerificationKey::from_bytes(bytes).ok());
    key.ok_or(Refusal::invalid_member(
        "verification_key",
        "send an Ed25519 key of 32 bytes",
    ))
}

/// Checks the base64 of a wrapped org key.
pub(super) fn wrapped_key(text: &str) -> Result<(), Refusal> {
    match WrappedOrgKey::decode(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(Refusal::invalid_member("encrypted_org_key", error)),
    }
}

/// Checks a locked private key, if there is one.
pub(super) fn private_key(key: Option<&StoredKey>) -> Result<(), Refusal> {
    let Some(key) = key else {
        return Ok(());
    };
    let encoded = EncodedLockedKey {
        ciphertext: key.encrypted_private_key.clone(),
        nonce: key.nonce.clone(),
        salt: key.salt.clone(),
        tag: key.auth_tag.clone(),
    };
    match LockedPrivateKey::decode(&encoded) {
        Ok(_) => Ok(()),
        Err(error) => Err(Refusal::invalid_member("private_key", error)),
    }
}

/// Checks the number of bytes of a member.
pub(super) fn length(member: &str, bytes: &Base64, expected: usize) -> Result<(), Refusal> {
    match bytes.as_ref().len() == expected {
        true => Ok(()),
        false => {
            let remedy = format!("send base64 of {expected} bytes");
            Err(Refusal::invalid_member(member, remedy))
        }
    }
}

/// Reads an entry of the chain.
pub(super) fn entry(member: &str, bytes: &Base64) -> Result<Entry, Refusal> {
    // Each of its keys takes long to read.
    if bytes.as_ref().len() > LONGEST_ENTRY {
        let remedy = format!("send at most {LONGEST_ENTRY} bytes");
        return Err(Refusal::invalid_member(member, remedy));
    }
    Entry::from_bytes(bytes.as_ref()).map_err(|error| Refusal::invalid_member(member, error))
}
