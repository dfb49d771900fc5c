//! Changes to the vault's own answers: what a hostile vault does to secrets and lists.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::http::Response;
use axum::response::IntoResponse;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use helvetisafe_crypto::OrgKey;
use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::{ListedSecret, SecretRecord, SecretsAnswer};
use serde::de::DeserializeOwned;

use super::Fault;
use super::history::{Stored, Version};
use crate::Error;

/// What is done to the vault's own answer.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// To one that reads a secret: the ciphertext of another secret.
    CiphertextOf(KeyName),
    /// To one that reads a secret: a version from before.
    Replay(Version),
    /// To one that reads a secret: one bit.
    Flip(Part),
    /// To one that reads a secret: an envelope that the vault made itself.
    Forge(Stored),
    /// To a list: more names.
    ListAlso(Vec<String>),
}

/// A part of a secret's envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first byte of the ciphertext, or of the tag where the ciphertext is empty.
    Ciphertext,
    /// The last byte of the authentication tag.
    Tag,
    /// The first byte of the nonce.
    Nonce,
}

/// Names that no secret can have, and that do harm where somebody takes them for a path, a header, a
/// line or a terminal's text.
pub const BAD_NAMES: &[&str] = &[
    "",
    ".",
    "..",
    "../credentials/private-key",
    "a/b",
    "%2e%2e%2fcredentials",
    "%2e",
    "a\n",
    "a\r\nX-Injected: 1",
    "a\0b",
    "a b",
    "a=b",
    "$(touch pwned)",
    "\u{1b}[2J\u{1b}]0;owned\u{7}",
    "\u{202e}terces",
    "é",
];

/// A hostile vault.
impl Fault {
    /// Answers a [`Route::Read`](super::Route::Read) with the ciphertext of another secret of the
    /// same organization, under the name that was asked for. With a second rule the other way round,
    /// two secrets are swapped.
    pub fn ciphertext_of(key: KeyName) -> Self {
        let name = format!("ciphertext of {key}");
        Self::changed(name, Change::CiphertextOf(key))
    }

    /// Answers a [`Route::Read`](super::Route::Read) with a version of the secret from before, also
    /// when it was deleted since. The vault knows the versions that were written with HTTP while it
    /// ran; without an older one its answer is the true one.
    pub fn replay(version: Version) -> Self {
        let name = match version {
            Version::First => "replay the first version",
            Version::Previous => "replay the previous version",
        };
        Self::changed(name, Change::Replay(version))
    }

    /// Flips one bit of a secret that is read.
    pub fn flip_bit_of(part: Part) -> Self {
        Self::changed(format!("flip a bit of the {part:?}"), Change::Flip(part))
    }

    /// Answers a [`Route::Read`](super::Route::Read) with this payload, sealed
    /// under this key: with [`other_org_key`](Self::other_org_key), what a vault does that knows the
    /// account's public key and began to hand out an org key of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`] when there is no randomness.
    pub fn forged(org_key: &OrgKey, payload: &[u8]) -> Result<Self, Error> {
        let envelope = org_key.seal(payload)?;
        let forged = Stored {
            value: envelope.encode_value(),
            nonce: envelope.encode_nonce(),
        };
        Ok(Self::changed("forged secret", Change::Forge(forged)))
    }

    /// Adds names to a list, at its end; [`BAD_NAMES`] are some that no client should act upon.
    pub fn list_also<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        let names: Vec<_> = names.into_iter().map(Into::into).collect();
        let name = format!("list {} more names", names.len());
        Self::changed(name, Change::ListAlso(names))
    }
}

/// The most bytes of one of the vault's own answers.
const LARGEST_ANSWER: usize = 1 << 30;

/// The answer with other contents; `None` where it is no success of that kind.
pub(super) async fn rewritten<T>(
    answer: &mut Response<Body>,
    change: impl FnOnce(T) -> Option<T>,
) -> Option<Response<Body>>
where
    T: DeserializeOwned,
    Json<T>: IntoResponse,
{
    if !answer.status().is_success() {
        return None;
    }
    let body = std::mem::take(answer.body_mut());
    let bytes = to_bytes(body, LARGEST_ANSWER).await.ok()?;
    *answer.body_mut() = Body::from(bytes.clone());
    let contents = serde_json::from_slice(&bytes).ok()?;
    Some(Json(change(contents)?).into_response())
}

pub(super) fn flipped(mut record: SecretRecord, part: Part) -> Option<SecretRecord> {
    let text = match part {
        Part::Ciphertext | Part::Tag => &mut record.value,
        Part::Nonce => &mut record.nonce,
    };
    let mut bytes = BASE64_STANDARD.decode(&*text).ok()?;
    let byte = match part {
        Part::Ciphertext | Part::Nonce => bytes.first_mut(),
        Part::Tag => bytes.last_mut(),
    };
    *byte? ^= 1;
    *text = BASE64_STANDARD.encode(bytes);
    Some(record)
}

pub(super) fn with_names(mut list: SecretsAnswer, names: &[String]) -> SecretsAnswer {
    list.keys.extend(names.iter().map(|name| ListedSecret {
        key: name.clone(),
        created_at: None,
        updated_at: None,
        expires_at: None,
    }));
    list
}

/// An answer to who reads `key`, with this ciphertext.
pub(super) fn record(key: KeyName, stored: Stored) -> Response<Body> {
    let record = SecretRecord {
        key,
        value: stored.value,
        nonce: stored.nonce,
        expires_at: None,
    };
    Json(record).into_response()
}
