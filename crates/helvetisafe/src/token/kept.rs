//! An access token with all that it takes to use it later: for whom it is, and from when to when.

use std::time::Duration;

use helvetisafe_crypto::zeroize::Zeroizing;
use helvetisafe_crypto::{Envelope, Error, OrgKey};
use helvetisafe_proto::auth::Token;
use jiff::Timestamp;

/// An access token that outlives its client. Its times are those of the calendar.
pub(crate) struct KeptToken {
    pub(crate) token: Token,
    /// A digest of the vault, the account, its secret and the scopes.
    pub(crate) holder: [u8; 32],
    pub(crate) received: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl KeptToken {
    /// Encrypts it as a ticket: the holder, and three lines.
    pub(crate) fn seal(&self, org_key: &OrgKey) -> Result<Envelope, Error> {
        let times = format!("{}\n{}\n", self.received, self.expires_at);
        let token = self.token.expose_secret().as_bytes();
        // One allocation, so that no copy of the token stays behind.
        let plaintext = [&self.holder, times.as_bytes(), token].concat();
        org_key.seal_ticket(&Zeroizing::new(plaintext))
    }

    /// `None` when it does not open, or is anything else.
    pub(crate) fn open(org_key: &OrgKey, sealed: Envelope) -> Option<Self> {
        let plaintext = org_key.open_ticket(sealed).ok()?;
        let (holder, lines) = plaintext.split_first_chunk()?;
        let mut lines = std::str::from_utf8(lines).ok()?.splitn(3, '\n');
        let mut line = || lines.next();
        Some(Self {
            holder: *holder,
            received: line()?.parse().ok()?,
            expires_at: line()?.parse().ok()?,
            token: Token::parse(line()?.into()).ok()?,
        })
    }

    /// Its age and its life. `None` where it was received in the future: the clock was set back since
    /// then, so nobody knows its age.
    pub(crate) fn times(&self, now: Timestamp) -> Option<(Duration, Duration)> {
        let since = |time: Timestamp| time.duration_since(self.received).try_into().ok();
        Some((since(now)?, since(self.expires_at)?))
    }
}

#[cfg(test)]
mod tests;
