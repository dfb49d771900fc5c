//! The tunnel through a proxy: `CONNECT`, RFC 9110 section 9.3.6.

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::Proxy;
use crate::http::{Failure, TransportError};

/// The longest head of an answer.
const MAX_HEAD: usize = 16 << 10;
const HEAD_START: &[u8] = b"HTTP/1.";

impl Proxy {
    /// Returns the request for a tunnel to this host and port.
    pub(in crate::http) fn request(&self, host: &str, port: u16) -> Zeroizing<Vec<u8>> {
        let credentials = self.credentials.as_ref().map(ExposeSecret::expose_secret);
        let (begin, end) = match credentials {
            Some(_) => ("Proxy-Authorization: Basic ", "\r\n"),
            None => ("", ""),
        };
        let target = format!("{host}:{port}");
        let pieces = [
            "CONNECT ",
            &target,
            " HTTP/1.1\r\nHost: ",
            &target,
            "\r\n",
            begin,
            credentials.unwrap_or_default(),
            end,
            "\r\n",
        ];
        Zeroizing::new(pieces.concat().into_bytes())
    }
}

/// The answer of a proxy, as far as it was received.
#[derive(Default)]
pub(in crate::http) struct Reply(Vec<u8>);

impl Reply {
    /// Adds received bytes. Returns true if the tunnel is open, and false if more bytes have to come.
    pub(in crate::http) fn add(&mut self, bytes: &[u8]) -> Result<bool, Problem> {
        if bytes.is_empty() {
            return Err(Problem::Closed);
        }
        self.0.extend_from_slice(bytes);
        let begun = self.0.len().min(HEAD_START.len());
        if self.0[..begun] != HEAD_START[..begun] {
            return Err(Problem::NotHttp);
        }
        let end = self.0.windows(4).position(|it| it == b"\r\n\r\n");
        match end {
            None if self.0.len() > MAX_HEAD => Err(Problem::NotHttp),
            None => Ok(false),
            Some(end) => self.judge(end + 4),
        }
    }

    fn judge(&self, end: usize) -> Result<bool, Problem> {
        let status = self
            .0
            .get(9..12)
            .and_then(|it| std::str::from_utf8(it).ok());
        let status: Option<u16> = status.and_then(|status| status.parse().ok());
        match status {
            // The vault says nothing before the client does.
            Some(200..300) if end == self.0.len() => Ok(true),
            Some(407) => Err(Problem::Status407),
            Some(status @ 300..) => Err(Problem::Status(status)),
            _ => Err(Problem::NotHttp),
        }
    }
}

/// The reason for which a proxy made no tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::http) enum Problem {
    #[error(
        "the proxy wants a user and a password, or other ones (status 407): put them into the URL of the proxy"
    )]
    Status407,
    #[error("the proxy refuses a tunnel to the vault, with the status {0}")]
    Status(u16),
    #[error("the proxy closed the connection before its answer")]
    Closed,
    #[error("the proxy did not answer in time")]
    Silent,
    #[error("the proxy does not answer in HTTP")]
    NotHttp,
}

impl Problem {
    fn may_pass(self) -> bool {
        match self {
            Self::Status(status) => matches!(status, 408 | 429 | 500 | 502..=504),
            Self::Closed | Self::Silent => true,
            Self::Status407 | Self::NotHttp => false,
        }
    }
}

/// The failure of a tunnel. Nothing was sent to the vault.
impl From<Problem> for TransportError {
    fn from(problem: Problem) -> Self {
        let failure = if problem.may_pass() {
            Failure::NotSent
        } else {
            Failure::Proxy
        };
        Self::with_source(failure, problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(pieces: &[&str]) -> Result<bool, Problem> {
        let mut reply = Reply::default();
        let mut last = Ok(false);
        for piece in pieces {
            assert_eq!(last, Ok(false), "{pieces:?}");
            last = reply.add(piece.as_bytes());
        }
        last
    }

    #[test]
    fn a_reply_opens_the_tunnel_or_names_the_problem() {
        let long = "x".repeat(MAX_HEAD);
        for (pieces, expected) in [
            (
                &["HTTP/1.1 200 Connection established\r\n\r\n"][..],
                Ok(true),
            ),
            (&["H", "TTP/1.0 200\r\nA: b\r", "\n\r\n"], Ok(true)),
            (&["HTTP/1.1 200 OK\r\n"], Ok(false)),
            (&["HTTP/1.1 407 X\r\n\r\n<html>"], Err(Problem::Status407)),
            (&["HTTP/1.1 403 X\r\n\r\n"], Err(Problem::Status(403))),
            (&["HTTP/1.1 302 X\r\n\r\n"], Err(Problem::Status(302))),
            (&["HTTP/1.1 200 OK\r\n\r\nmore"], Err(Problem::NotHttp)),
            (&["HTTP/1.1 1\r\n\r\n"], Err(Problem::NotHttp)),
            (&["HTTP/1.1 2é\r\n\r\n"], Err(Problem::NotHttp)),
            (&["\x15\x03\x01"], Err(Problem::NotHttp)),
            (&["HTTP/1.1 200 ", &long], Err(Problem::NotHttp)),
            (&["HTTP/1.1", ""], Err(Problem::Closed)),
        ] {
            assert_eq!(reply(pieces), expected, "{pieces:?}");
        }
    }

    #[test]
    fn only_failures_that_pass_are_passing() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(Problem::Status(status).may_pass(), "{status}");
        }
        for status in [301, 400, 401, 403, 404, 405, 501, 505] {
            assert!(!Problem::Status(status).may_pass(), "{status}");
        }
    }
}
