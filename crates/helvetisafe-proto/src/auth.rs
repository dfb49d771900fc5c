//! The headers of credentials, and the renewal of access tokens.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// The time before its end at which an access token is renewed, unless its lifetime is 60 s or less.
pub const RENEWAL_MARGIN: Duration = Duration::from_secs(30);

/// The lifetime of an access token whose answer does not name it.
pub const DEFAULT_TOKEN_LIFE: Duration = Duration::from_secs(3600);

/// The service's own header for portal API tokens.
const X_AEGIS_TOKEN: HeaderName = HeaderName::from_static("x-aegis-token");

/// A credential that is safe in a header: 1 to 8192 visible ASCII characters, so no line break or NUL can
/// split the request.
#[derive(Clone)]
pub struct Token(SecretString);

impl Token {
    /// The greatest length of a token.
    pub const MAX_LEN: usize = 8192;

    /// Checks a token.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`] when it is empty, longer than [`Self::MAX_LEN`], or holds white space, a
    /// control character or anything outside ASCII.
    pub fn parse(token: SecretString) -> Result<Self, InvalidToken> {
        let text = token.expose_secret();
        if text.is_empty()
            || text.len() > Self::MAX_LEN
            || !text.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(InvalidToken);
        }
        Ok(Self(token))
    }

    /// Returns the token.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([REDACTED])")
    }
}

/// The text cannot be used as a token in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("a token has 1 to 8192 visible ASCII characters, without spaces or line breaks")]
pub struct InvalidToken;

/// The header that carries a portal API token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ApiTokenHeader {
    /// `X-Aegis-Token: <token>`, as used by the live service and its published clients.
    XAegisToken,
    /// `Authorization: Bearer <token>` (RFC 6750 section 2.1), as in the service's documentation.
    Bearer,
}

/// A header with a credential, made once per token. Its bytes are wiped when the last clone is dropped, and
/// `Debug` shows `Sensitive`.
#[derive(Clone, Debug)]
pub struct AuthHeader {
    name: HeaderName,
    value: HeaderValue,
}

impl AuthHeader {
    /// `Authorization: Bearer <token>`, RFC 6750 section 2.1.
    #[must_use]
    pub fn bearer(token: &Token) -> Self {
        let text = [b"Bearer ", token.expose_secret().as_bytes()].concat();
        Self::new(AUTHORIZATION, text)
    }

    /// A portal API token in the given header.
    #[must_use]
    pub fn api_token(token: &Token, header: ApiTokenHeader) -> Self {
        match header {
            ApiTokenHeader::Bearer => Self::bearer(token),
            ApiTokenHeader::XAegisToken => {
                Self::new(X_AEGIS_TOKEN, token.expose_secret().as_bytes().to_vec())
            }
        }
    }

    fn new(name: HeaderName, text: Vec<u8>) -> Self {
        // A `Token` is visible ASCII, so this cannot fail. If it did, the header would be empty and the
        // server would answer 401.
        let wiped_on_drop = Bytes::from_owner(Zeroizing::new(text));
        let mut value = HeaderValue::from_maybe_shared(wiped_on_drop)
            .unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        Self { name, value }
    }

    /// Puts the credential into the headers of a request and removes any other one.
    pub fn apply(&self, headers: &mut HeaderMap) {
        headers.remove(AUTHORIZATION);
        headers.remove(X_AEGIS_TOKEN);
        headers.insert(self.name.clone(), self.value.clone());
    }
}

/// Returns true if an access token of this age should be renewed before its next use: 30 s before its end,
/// or at half of a lifetime of 60 s or less.
#[must_use]
pub fn is_stale(age: Duration, life: Duration) -> bool {
    let margin = if life <= 2 * RENEWAL_MARGIN {
        life / 2
    } else {
        RENEWAL_MARGIN
    };
    age >= life - margin
}

/// Returns true if an access token of this age still works. Then it is used while its renewal fails for a
/// temporary reason.
#[must_use]
pub fn is_alive(age: Duration, life: Duration) -> bool {
    age < life
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token(text: &str) -> Token {
        Token::parse(text.into()).unwrap()
    }

    #[test]
    fn a_token_that_could_split_a_header_is_refused() {
        for text in [
            "",
            " ",
            "a b",
            "a\r\nX: y",
            "a\n",
            "a\0",
            "é",
            &"a".repeat(8193),
        ] {
            assert!(Token::parse(text.into()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_longest_token_has_8192_characters() {
        let longest = "a".repeat(8192);
        assert_eq!(token(&longest).expose_secret(), longest);
    }

    #[test]
    fn each_credential_has_its_header() {
        let mut headers = HeaderMap::new();
        AuthHeader::api_token(&token("t0k"), ApiTokenHeader::XAegisToken).apply(&mut headers);
        assert_eq!(headers["x-aegis-token"], "t0k");
        AuthHeader::api_token(&token("t0k"), ApiTokenHeader::Bearer).apply(&mut headers);
        assert_eq!(headers[AUTHORIZATION], "Bearer t0k");
        assert_eq!(headers.len(), 1, "one credential at a time");
    }

    #[test]
    fn no_debug_shows_a_token() {
        let header = AuthHeader::bearer(&token("canary"));
        let mut headers = HeaderMap::new();
        header.apply(&mut headers);
        let shown = format!("{:?} {header:?} {headers:?}", token("canary"));
        assert!(shown.starts_with("Token([REDACTED]) "), "{shown}");
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn a_long_token_is_renewed_30_seconds_before_its_end() {
        let life = Duration::from_secs(3600);
        assert!(!is_stale(Duration::from_millis(3_569_999), life));
        assert!(is_stale(Duration::from_secs(3570), life));
    }

    #[test]
    fn a_short_token_is_renewed_at_half_its_life() {
        for seconds in [1, 10, 60] {
            let life = Duration::from_secs(seconds);
            assert!(!is_stale(life / 2 - Duration::from_nanos(1), life));
            assert!(is_stale(life / 2, life));
        }
        assert!(is_stale(Duration::ZERO, Duration::ZERO));
    }

    #[test]
    fn a_token_works_until_its_end() {
        let life = Duration::from_secs(60);
        assert!(is_alive(life - Duration::from_nanos(1), life));
        assert!(!is_alive(life, life));
        assert!(!is_alive(life + Duration::from_nanos(1), life));
    }

    proptest! {
        #[test]
        fn a_token_is_stale_before_it_is_dead(age: u32, life: u32) {
            let (age, life) = (Duration::from_secs(age.into()), Duration::from_secs(life.into()));
            prop_assert!(is_alive(age, life) || is_stale(age, life));
        }
    }
}
