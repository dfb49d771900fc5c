//! The events of a request, and the rows of the table that they belong to.

use helvetisafe::{ErrorKind, Failure};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The transport returns this failure, without a socket.
    Unsent(Failure),
    /// The connection is closed before a byte of the answer.
    Dead,
    /// Half of the head, then RST.
    Reset { acted: bool },
    /// All but the last byte of an answer, then the end of the connection.
    Truncation { acted: bool },
    /// No byte of an answer.
    Silence { acted: bool },
    /// An answer; `asked` are the seconds of its `Retry-After` and whether that is a date.
    Status {
        code: u16,
        acted: bool,
        asked: Option<(u64, bool)>,
    },
    /// A malformed success.
    Unreadable { bytes: &'static str, acted: bool },
}

impl Event {
    /// The events of a row. An unknown row fails the test.
    pub(crate) fn of_row(what: &str) -> Vec<Self> {
        match what {
            "nothing was sent: no address, refused, TLS too slow; a proxy that closes, stalls, or answers 408, \
             429, 500, 502, 503 or 504" => {
                vec![Self::Unsent(Failure::NotSent)]
            }
            "a reused connection was dead, no byte came back" => vec![Self::Dead],
            "reset, truncation, timeout after sending" => either(|acted| {
                vec![
                    Self::Reset { acted },
                    Self::Truncation { acted },
                    Self::Silence { acted },
                ]
            }),
            "429" => [
                None,
                Some((7, false)),
                Some((9, true)),
                Some((20, false)),
                Some((31, false)),
                Some((45, true)),
            ]
            .map(|asked| Self::Status {
                code: 429,
                acted: false,
                asked,
            })
            .into(),
            "400, 403, 404, 409, other 4xx, 501" => {
                [400, 403, 404, 409, 405, 410, 418, 422, 451, 501]
                    .map(Self::status)
                    .into()
            }
            "401" => vec![Self::status(401)],
            "3xx" => [300, 301, 302, 303, 304, 307, 308].map(Self::status).into(),
            "an answer that cannot be read: no HTTP, malformed, too large" => either(|acted| {
                UNREADABLE
                    .map(|bytes| Self::Unreadable { bytes, acted })
                    .into()
            }),
            "a certificate that one of the sides refuses, no TLS, any other refusal of a proxy, failed \
             decryption" => vec![Self::Unsent(Failure::Tls), Self::Unsent(Failure::Proxy)],
            "408, 500, 502, 503, 504" => {
                let codes = || what.split(", ").map(|code| code.parse().unwrap());
                let asked = Self::Status {
                    code: 503,
                    acted: false,
                    asked: Some((7, false)),
                };
                let mut events = either(|acted| {
                    codes()
                        .map(|code| Self::Status {
                            code,
                            acted,
                            asked: None,
                        })
                        .collect()
                });
                events.push(asked);
                events
            }
            unknown => panic!("the document has a row {unknown:?}"),
        }
    }

    pub(crate) fn status(code: u16) -> Self {
        Self::Status {
            code,
            acted: false,
            asked: None,
        }
    }

    /// Returns true if the vault carried out the request.
    pub(crate) fn acted(&self) -> bool {
        match self {
            Self::Unsent(_) | Self::Dead => false,
            Self::Reset { acted }
            | Self::Truncation { acted }
            | Self::Silence { acted }
            | Self::Status { acted, .. }
            | Self::Unreadable { acted, .. } => *acted,
        }
    }

    pub(crate) fn asked(&self) -> Option<u64> {
        match self {
            Self::Status { asked, .. } => asked.map(|(seconds, _)| seconds),
            _ => None,
        }
    }

    /// The error of a read that ends with it: `docs/behaviour.md`, "Errors".
    pub(crate) fn error(&self) -> (ErrorKind, bool) {
        match self {
            Self::Unsent(Failure::Tls | Failure::Proxy) => (ErrorKind::Transport, false),
            Self::Unreadable { .. } => (ErrorKind::Api, false),
            Self::Status { code, .. } => match code {
                401 => (ErrorKind::Auth, false),
                403 => (ErrorKind::Forbidden, false),
                404 => (ErrorKind::NotFound, false),
                409 => (ErrorKind::Conflict, false),
                429 => (ErrorKind::RateLimited, true),
                408 | 500 | 502 | 503 | 504 => (ErrorKind::Api, true),
                _ => (ErrorKind::Api, false),
            },
            _ => (ErrorKind::Transport, true),
        }
    }

    /// The answer in place of the vault's, if the event is an answer.
    pub(crate) fn answer(&self) -> Option<Vec<u8>> {
        match self {
            Self::Status { code, asked, .. } => {
                let asked = match asked {
                    None => String::new(),
                    Some((seconds, false)) => format!("Retry-After: {seconds}\r\n"),
                    Some((seconds, true)) => format!(
                        "Date: Mon, 23 Nov 2020 12:00:00 GMT\r\nRetry-After: Mon, 23 Nov 2020 12:00:{seconds:02} GMT\r\n"
                    ),
                };
                let location = if (300..400).contains(code) {
                    "Location: https://elsewhere.example/\r\n"
                } else {
                    ""
                };
                // Without it a 404 is about no secret.
                let body = if *code == 404 {
                    r#"{"error":"no"}"#
                } else {
                    ""
                };
                let length = body.len();
                Some(
                    format!(
                        "HTTP/1.1 {code} X\r\nContent-Length: {length}\r\n{asked}{location}\r\n{body}"
                    )
                    .into_bytes(),
                )
            }
            Self::Unreadable { bytes, .. } => Some(bytes.as_bytes().to_vec()),
            _ => None,
        }
    }
}

const UNREADABLE: [&str; 3] = [
    "SSH-2.0-OpenSSH\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
    "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n{\"",
];

/// The events of a vault that did not act, and of one that did: a client cannot see the difference.
fn either(events: impl Fn(bool) -> Vec<Event>) -> Vec<Event> {
    [false, true].into_iter().flat_map(events).collect()
}
