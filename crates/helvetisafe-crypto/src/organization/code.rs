use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use base64ct::{Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

use super::{Head, InvitationSecret, VerificationKey, encoding};
use crate::{Fingerprint, stack};

/// The message to an invited person, sent on a channel that the vault does not control. Its text form:
///
/// ```text
/// content  = S (32) || fingerprint (32) || verification key (32)
///            || sequence of the head (8, big-endian) || hash of the head (32) || base URL in UTF-8
/// checksum = the first 4 bytes of SHA-256("HelvetiSafe invitation code v1" || 0x00 || content)
/// code     = "hsi1_" || base64url(content || checksum), RFC 4648 section 5, without padding
/// ```
///
/// It has no `Debug`, since it holds the secret.
pub struct InvitationCode {
    /// The secret S, by which the join request is authenticated.
    pub secret: InvitationSecret,
    /// The base URL of the vault. It is text here; the caller checks that it is a URL.
    pub base_url: String,
    /// The fingerprint of the org key at the time of the invitation.
    pub fingerprint: Fingerprint,
    /// The verification key of the inviting administrator.
    pub inviter: VerificationKey,
    /// The head of the chain at the time of the invitation, for [`Anchor::Head`](super::Anchor::Head).
    pub head: Head,
}

/// The reason for which a text is not an invitation code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCode {
    /// It does not start like an invitation code.
    #[error("the text is not an invitation code, which starts with `hsi1_`")]
    Prefix,
    /// It is an invitation code of another version.
    #[error(
        "the invitation code is of another version: update this program, or ask for a new code"
    )]
    Version,
    /// Its checksum does not match.
    #[error(
        "the invitation code has a typing error, or a part is missing: copy the whole code again"
    )]
    Checksum,
    /// Its checksum matches, but its content is no invitation.
    #[error("the invitation code has no valid content: ask for a new code")]
    Content,
}

impl InvitationCode {
    const PREFIX: &str = "hsi1_";
    const LABEL: &str = "HelvetiSafe invitation code v1";
    const CHECKSUM_LEN: usize = 4;

    /// Writes the text form, which is wiped on drop.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<String> {
        let mut content = Zeroizing::new(Vec::with_capacity(140 + self.base_url.len()));
        content.extend_from_slice(self.secret.expose_secret());
        content.extend_from_slice(self.fingerprint.as_bytes());
        content.extend_from_slice(self.inviter.as_bytes());
        content.extend_from_slice(&self.head.sequence.to_be_bytes());
        content.extend_from_slice(&self.head.hash);
        content.extend_from_slice(self.base_url.as_bytes());
        let checksum = checksum(&content);
        content.extend_from_slice(&checksum);
        let base64 = Zeroizing::new(Base64UrlUnpadded::encode_string(&content));
        let mut code = Zeroizing::new(String::with_capacity(Self::PREFIX.len() + base64.len()));
        code.push_str(Self::PREFIX);
        code.push_str(&base64);
        code
    }

    /// Reads the text form. White space is ignored, so that a code may be broken into lines.
    ///
    /// # Errors
    ///
    /// [`InvalidCode`] with the reason, which never has a part of the text.
    pub fn parse(text: &str) -> Result<Self, InvalidCode> {
        let mut code = Zeroizing::new(String::with_capacity(text.len()));
        code.extend(text.chars().filter(|c| !c.is_whitespace()));
        let content = decode(base64_of(&code)?)?;
        stack::wiped(|| Self::read(&content)).ok_or(InvalidCode::Content)
    }

    fn read(content: &[u8]) -> Option<Self> {
        let (secret, rest) = content.split_first_chunk()?;
        let (fingerprint, rest) = rest.split_first_chunk()?;
        let (inviter, rest) = rest.split_first_chunk()?;
        let (sequence, rest) = rest.split_first_chunk()?;
        let (hash, base_url) = rest.split_first_chunk()?;
        let base_url = str::from_utf8(base_url).ok()?;
        let is_shown_as_it_is = !base_url.is_empty() && !base_url.contains(char::is_control);
        is_shown_as_it_is.then_some(())?;
        Some(Self {
            secret: InvitationSecret::from_bytes(secret),
            base_url: base_url.to_string(),
            fingerprint: Fingerprint::from_bytes(*fingerprint),
            inviter: VerificationKey::from_bytes(inviter).ok()?,
            head: Head {
                sequence: u64::from_be_bytes(*sequence),
                hash: *hash,
            },
        })
    }
}

/// Returns the base64 after the prefix.
fn base64_of(code: &str) -> Result<&str, InvalidCode> {
    if let Some(base64) = code.strip_prefix(InvitationCode::PREFIX) {
        return Ok(base64);
    }
    let version = code
        .strip_prefix("hsi")
        .and_then(|code| code.split_once('_'));
    let is_version = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    Err(match version {
        Some((version, _)) if is_version(version) => InvalidCode::Version,
        _ => InvalidCode::Prefix,
    })
}

/// Decodes the content and removes its checksum.
fn decode(base64: &str) -> Result<Zeroizing<Vec<u8>>, InvalidCode> {
    let mut bytes = Zeroizing::new(vec![0; base64.len()]);
    let length = Base64UrlUnpadded::decode(base64, &mut bytes)
        .map_err(|_| InvalidCode::Checksum)?
        .len();
    bytes.truncate(length);
    let content = length.saturating_sub(InvitationCode::CHECKSUM_LEN);
    if checksum(&bytes[..content])[..] != bytes[content..] {
        return Err(InvalidCode::Checksum);
    }
    bytes.truncate(content);
    Ok(bytes)
}

fn checksum(content: &[u8]) -> [u8; InvitationCode::CHECKSUM_LEN] {
    let [a, b, c, d, ..] = stack::wiped(|| encoding::hash(InvitationCode::LABEL, content));
    [a, b, c, d]
}

#[cfg(all(test, feature = "getrandom"))]
mod tests;
