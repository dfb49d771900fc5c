//! The resumption ticket: an access token for a later client, and the keys to open it.
//!
//! A ticket is one line of base64, `3.NONCE.VALUE.ORG_KEY`: the token, sealed under the org key with a label of
//! its own, and the org key, wrapped for the account. If a password unlocks the account's private key, that
//! key follows as the vault stores it: `.CIPHERTEXT.NONCE.SALT.TAG`. A ticket that cannot be used is ignored.

use std::sync::Arc;
use std::time::Duration;

use helvetisafe_crypto::{
    EncodedLockedKey, Envelope, LockedPrivateKey, OrgKey, Plaintext, WrappedOrgKey,
};
use helvetisafe_proto::BaseUrl;
use helvetisafe_proto::auth::Token;
use helvetisafe_proto::endpoint::FetchToken;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Auth;
use crate::clock::Now;
use crate::credentials::LocalKey;
use crate::error::{Action, Error};
use crate::keys::AccountKey;
use crate::org_keys::{ConfirmedKey, UnconfirmedKey};
use crate::runtime::{Notify, Runtime};

/// Tickets of other versions are ignored: 1 had no label, 2 did not know pages.
const VERSION: &str = "3";

/// The keys of a ticket. If the vault still stores a key in the same bytes, it is not unlocked or unwrapped
/// again.
pub(crate) struct Resumed {
    pub(crate) private_key: AccountKey,
    pub(crate) org_key: UnconfirmedKey,
    /// The vault has pages of its list.
    pub(crate) has_pages: bool,
}

impl Resumed {
    /// Returns true if unwrapping again would give the same org key.
    pub(crate) fn has_unwrapped(&self, private_key: &AccountKey, wrapped: &WrappedOrgKey) -> bool {
        Arc::ptr_eq(&self.private_key.key, &private_key.key) && self.org_key.is_wrapped_as(wrapped)
    }
}

/// Starts with the access token of a ticket. Returns `None` if its keys cannot be opened.
pub(crate) async fn resume<R: Runtime>(
    auth: &Auth<R::Notify>,
    runtime: &R,
    base: &BaseUrl,
    local_key: &LocalKey,
    ticket: &str,
) -> Option<Resumed> {
    let Auth::ServiceAccount(account) = auth else {
        return None;
    };
    let ticket = Ticket::decode(ticket)?;
    let private_key = match local_key {
        LocalKey::Ready(key) => AccountKey {
            key: Arc::clone(key),
            locked: None,
        },
        LocalKey::Locked(password) => {
            let unlocked = AccountKey::unlock(runtime, ticket.locked_key?, password.clone());
            unlocked.await.ok()?
        }
    };
    let org_key = private_key.unwrap(runtime, ticket.org_key).await.ok()?;
    let token = SavedToken::parse(&org_key.open_ticket(ticket.token)?)?;
    let has_pages = token.has_pages;
    let now = runtime.both_clocks();
    if let Some((age, life)) = token.age_and_life(now.wall)
        && token.audience_digest == audience_digest(base, &account.token_call())
    {
        account.resume(token.token, age, life, now.clock);
    }
    Some(Resumed {
        private_key,
        org_key,
        has_pages,
    })
}

/// Returns the ticket for a later client, or `None` if there is no access token for it.
pub(crate) fn ticket<N: Notify>(
    auth: &Auth<N>,
    base: &BaseUrl,
    now: Now,
    org_key: &ConfirmedKey,
    private_key: &AccountKey,
    has_pages: bool,
) -> Result<Option<String>, Error> {
    let Auth::ServiceAccount(account) = auth else {
        return Ok(None);
    };
    let Some((token, age, life)) = account.token_in_use(now.clock) else {
        return Ok(None);
    };
    let audience = audience_digest(base, &account.token_call());
    let Some(token) = SavedToken::new(token, audience, age, life, now.wall, has_pages) else {
        return Ok(None);
    };
    let sealed = token.seal(org_key.org_key());
    let ticket = Ticket {
        token: sealed.map_err(|error| Error::new(Action::FetchToken, error))?,
        org_key: org_key.wrapped().clone(),
        locked_key: private_key.locked.clone(),
    };
    Ok(Some(ticket.encode()))
}

/// Returns a digest of everything that a token depends on: the vault, the account, its secret and the scopes.
/// It cannot be computed without the client secret.
fn audience_digest(base: &BaseUrl, call: &FetchToken<'_>) -> [u8; 32] {
    // On the heap, since the stack is not wiped.
    let mut digest = Box::new(Sha256::new_with_prefix(b"HelvetiSafe token holder v1\0"));
    let base = base.to_string();
    let secret = call.client_secret.expose_secret();
    for part in [&base, call.client_id, call.scopes.as_str(), secret] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize_reset().into()
}

/// The parts of a ticket. All of them are ciphertext.
struct Ticket {
    token: Envelope,
    org_key: WrappedOrgKey,
    locked_key: Option<LockedPrivateKey>,
}

impl Ticket {
    fn encode(&self) -> String {
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

    fn decode(text: &str) -> Option<Self> {
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

/// An access token with its audience and its times, which are those of the calendar.
struct SavedToken {
    token: Token,
    audience_digest: [u8; 32],
    received: Timestamp,
    expires_at: Timestamp,
    has_pages: bool,
}

impl SavedToken {
    /// Returns `None` if the times are out of range.
    fn new(
        token: Token,
        audience_digest: [u8; 32],
        age: Duration,
        life: Duration,
        now: Timestamp,
        has_pages: bool,
    ) -> Option<Self> {
        let signed = |time: Duration| SignedDuration::try_from(time).ok();
        let received = now.checked_sub(signed(age)?).ok()?;
        Some(Self {
            token,
            audience_digest,
            received,
            expires_at: received.checked_add(signed(life)?).ok()?,
            has_pages,
        })
    }

    /// Encrypts the digest, the two times, `true` or `false` for pages, and the token, on a line each but the digest.
    fn seal(&self, org_key: &OrgKey) -> Result<Envelope, helvetisafe_crypto::Error> {
        let lines = format!(
            "{}\n{}\n{}\n",
            self.received, self.expires_at, self.has_pages
        );
        let token = self.token.expose_secret().as_bytes();
        // One allocation, so that no other copy of the token exists.
        let plaintext = [&self.audience_digest, lines.as_bytes(), token].concat();
        org_key.seal_ticket(&Zeroizing::new(plaintext))
    }

    fn parse(plaintext: &Plaintext) -> Option<Self> {
        let (digest, lines) = plaintext.split_first_chunk()?;
        let mut lines = std::str::from_utf8(lines).ok()?.splitn(4, '\n');
        let mut line = || lines.next();
        Some(Self {
            audience_digest: *digest,
            received: line()?.parse().ok()?,
            expires_at: line()?.parse().ok()?,
            has_pages: line()?.parse().ok()?,
            token: Token::parse(line()?.into()).ok()?,
        })
    }

    /// Returns the age and the lifetime of the token, or `None` if the clock was set back since its receipt:
    /// then its age is unknown.
    fn age_and_life(&self, now: Timestamp) -> Option<(Duration, Duration)> {
        let since = |time: Timestamp| time.duration_since(self.received).try_into().ok();
        Some((since(now)?, since(self.expires_at)?))
    }
}

#[cfg(test)]
mod tests;
