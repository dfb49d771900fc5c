//! Changes of the vault's answers, as a hostile vault makes to secrets and lists.

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::Response;
use axum::response::IntoResponse;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use helvetisafe_crypto::OrgKey;
use helvetisafe_proto::endpoint::organization::UnstagedAnswer;
use helvetisafe_proto::endpoint::{ListedSecret, SecretRecord, SecretsAnswer};
use helvetisafe_proto::{KeyName, Time};
use serde::de::DeserializeOwned;

use super::history::Version;
use super::{Attacker, Fault, Lie, Route};
use crate::Error;
use crate::store::Ciphertext;

/// A change of the vault's answer.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// Replaces a secret with the ciphertext of another one.
    CiphertextOf(KeyName),
    /// Replaces a secret with an earlier version.
    Replay(Version),
    /// Flips one bit of a secret.
    Flip(Part),
    /// Replaces a secret with an envelope that the vault made.
    Forge(Ciphertext),
    /// Adds names to a list.
    ListAlso(Vec<String>),
    /// Changes an answer about an organization.
    Lie(Lie, Attacker),
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

/// Names that no secret can have, and that do harm in a path, a header, a line or a terminal.
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

/// Answers of a hostile vault.
impl Fault {
    /// Answers a [`Route::Read`](super::Route::Read) with the ciphertext of another secret of the
    /// same organization, under the requested name. Two such rules swap two secrets.
    pub fn ciphertext_of(key: KeyName) -> Self {
        let name = format!("ciphertext of {key}");
        Self::changed(name, Change::CiphertextOf(key))
    }

    /// Answers a [`Route::Read`](super::Route::Read) with an earlier version of the secret, even if the
    /// secret is deleted. The vault knows the versions written over HTTP since its start.
    ///
    /// Answers [`OrgKey`](super::Route::OrgKey), [`Account`](super::Route::Account),
    /// [`Members`](super::Route::Members), [`Invitations`](super::Route::Invitations) and
    /// [`Chain`](super::Route::Chain) with an earlier answer to the same account, that differs from the present one.
    ///
    /// Without an earlier one the answer is unchanged.
    pub fn replay(version: Version) -> Self {
        let name = match version {
            Version::First => "replay the first version",
            Version::Previous => "replay the previous version",
        };
        Self::changed(name, Change::Replay(version))
    }

    /// Flips one bit of the answer to a [`Route::Read`], or of the first secret of a [`Route::Unstaged`].
    pub fn flip_bit_of(part: Part) -> Self {
        Self::changed(format!("flip a bit of the {part:?}"), Change::Flip(part))
    }

    /// Answers a [`Route::Read`](super::Route::Read) with this payload, sealed under this key. With
    /// [`other_org_key`](Self::other_org_key) this is the attack of a vault that knows the account's public
    /// key and distributes its own org key.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`] when there is no randomness.
    pub fn forged(org_key: &OrgKey, payload: &[u8]) -> Result<Self, Error> {
        let envelope = org_key.seal(payload)?;
        let forged = Ciphertext {
            value: envelope.encode_value(),
            nonce: envelope.encode_nonce(),
        };
        Ok(Self::changed("forged secret", Change::Forge(forged)))
    }

    /// Adds names to the end of a list, such as [`BAD_NAMES`], which clients must not use.
    pub fn list_also<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        let names: Vec<_> = names.into_iter().map(Into::into).collect();
        let name = format!("list {} more names", names.len());
        Self::changed(name, Change::ListAlso(names))
    }
}

/// The largest answer of the vault in bytes.
const MAX_ANSWER_LEN: usize = 1 << 30;

/// Returns the answer with a changed body; `None` if it is an error or another kind of answer.
pub(super) async fn rewritten<T>(
    answer: &mut Response<Body>,
    change: impl FnOnce(T) -> Option<T>,
) -> Option<Response<Body>>
where
    T: DeserializeOwned,
    Json<T>: IntoResponse,
{
    let contents = serde_json::from_slice(&bytes(answer).await?).ok()?;
    Some(Json(change(contents)?).into_response())
}

/// Returns the body of an answer, which stays in it; `None` if it is an error.
pub(super) async fn bytes(answer: &mut Response<Body>) -> Option<Bytes> {
    if !answer.status().is_success() {
        return None;
    }
    let body = std::mem::take(answer.body_mut());
    let bytes = to_bytes(body, MAX_ANSWER_LEN).await.ok()?;
    *answer.body_mut() = Body::from(bytes.clone());
    Some(bytes)
}

/// Flips a bit of a secret, or of the first secret that a rotation is to seal again.
pub(super) async fn flip(
    answer: &mut Response<Body>,
    route: Route,
    part: Part,
) -> Option<Response<Body>> {
    if route != Route::Unstaged {
        return rewritten(answer, |record| flipped(record, part)).await;
    }
    let flipped = |mut list: UnstagedAnswer| {
        let secret = list.secrets.first_mut()?;
        flip_text(&mut secret.value, &mut secret.nonce, part)?;
        Some(list)
    };
    rewritten(answer, flipped).await
}

fn flipped(mut record: SecretRecord, part: Part) -> Option<SecretRecord> {
    flip_text(&mut record.value, &mut record.nonce, part)?;
    Some(record)
}

fn flip_text(value: &mut String, nonce: &mut String, part: Part) -> Option<()> {
    let text = match part {
        Part::Ciphertext | Part::Tag => value,
        Part::Nonce => nonce,
    };
    let mut bytes = BASE64_STANDARD.decode(&*text).ok()?;
    let byte = match part {
        Part::Ciphertext | Part::Nonce => bytes.first_mut(),
        Part::Tag => bytes.last_mut(),
    };
    *byte? ^= 1;
    *text = BASE64_STANDARD.encode(bytes);
    Some(())
}

pub(super) fn with_names(mut list: SecretsAnswer, names: &[String]) -> SecretsAnswer {
    list.keys.extend(names.iter().map(|name| ListedSecret {
        key: name.clone(),
        created_at: Time::Absent,
        updated_at: Time::Absent,
        expires_at: Time::Absent,
        version: None,
    }));
    list
}

/// Returns the answer to a read of `key` with this ciphertext.
pub(super) fn record(key: KeyName, ciphertext: Ciphertext) -> Response<Body> {
    let record = SecretRecord {
        key,
        value: ciphertext.value,
        nonce: ciphertext.nonce,
        expires_at: Time::Absent,
        updated_at: Time::Absent,
        version: None,
        key_epoch: None,
    };
    Json(record).into_response()
}
