//! The checks of a request: its host and its token.

use std::net::IpAddr;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::http::{Answer, Request};
use crate::failure::Failure;
use crate::random;

/// The random bytes of a token.
const TOKEN_LENGTH: usize = 32;

/// The token that clients must send.
pub(super) struct Token(Zeroizing<String>);

/// The checks before a request is answered.
pub(super) struct Guard {
    token: Option<Token>,
    /// Set on a loopback address, where the `Host` must be this machine. A Unix socket has no name that could
    /// be rebound; on other addresses the token protects the secrets.
    is_loopback: bool,
}

impl Token {
    pub(super) fn generate() -> Result<Self, Failure> {
        let bytes = random::bytes::<TOKEN_LENGTH>()?;
        Ok(Self(random::hex(&*bytes)))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl Guard {
    pub(super) fn new(token: Option<Token>, is_loopback: bool) -> Self {
        Self { token, is_loopback }
    }

    /// Refuses a request whose `Host` is not this machine. By DNS rebinding, a web page can reach a loopback
    /// address under a name of its own.
    pub(super) fn check_host(&self, request: &Request) -> Result<(), Answer> {
        match &request.host {
            _ if !self.is_loopback => Ok(()),
            None => Err(Answer::error(400, "one Host header is needed")),
            Some(host) if is_loopback(host) => Ok(()),
            Some(_) => Err(Answer::error(
                403,
                "the Host header names another machine; use localhost or 127.0.0.1",
            )),
        }
    }

    /// Compares the token in constant time, so that the time reveals no part of it.
    pub(super) fn check_token(&self, request: &Request) -> Result<(), Answer> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let given = request.bearer.as_ref().map(|bearer| bearer.as_bytes());
        if given.is_some_and(|given| token.0.as_bytes().ct_eq(given).into()) {
            return Ok(());
        }
        Err(Answer::error(
            401,
            "the header `Authorization: Bearer TOKEN` is needed, with the agent's token",
        ))
    }
}

/// Returns true if a `Host`, with or without a port, is this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if port.is_empty() || port.starts_with(':') => address,
            _ => return false,
        },
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_a_valid_host() {
        for host in [
            "localhost",
            "LOCALHOST:8210",
            "127.0.0.1:8210",
            "127.1.2.3",
            "[::1]:1",
            "[::1]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8210",
            "10.0.0.1",
            "0.0.0.0",
            "[::1]evil.example",
            "[::1",
            "::1",
            "[::2]",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn tokens_are_random_and_long() {
        let (one, two) = (Token::generate().unwrap(), Token::generate().unwrap());
        assert_eq!(one.expose().len(), 64);
        assert_ne!(one.expose(), two.expose());
    }
}
