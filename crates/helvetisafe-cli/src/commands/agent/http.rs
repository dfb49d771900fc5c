//! HTTP/1.1 (RFC 9112) with one request per connection, and without request bodies.

use std::io::{self, Read, Write};
use std::time::Duration;

use serde::Serialize;
use zeroize::Zeroizing;

use super::permits::Permit;

/// The maximum bytes of the request line and the headers.
const MAX_HEAD: usize = 8 << 10;
const MAX_HEADERS: usize = 64;

/// The used parts of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// The path without the query and without trailing slashes.
    pub(super) path: String,
    /// `None` without this header, or if it occurs more than once.
    pub(super) host: Option<String>,
    /// The token after `Bearer `; `None` as above.
    pub(super) bearer: Option<Zeroizing<String>>,
}

/// A complete answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    retry_after: Option<u64>,
    body: Zeroizing<Vec<u8>>,
    /// Held until the answer is dropped.
    _permit: Option<Permit>,
}

impl Request {
    /// Reads a request. `None` if the client has closed the connection or is too slow.
    pub(super) fn read(connection: &mut impl Read) -> Option<Result<Self, Answer>> {
        let mut head = Zeroizing::new(Vec::with_capacity(MAX_HEAD));
        loop {
            let room = MAX_HEAD - head.len();
            if room == 0 {
                return Some(Err(Answer::error(431, "the headers are too long")));
            }
            let mut piece = Zeroizing::new([0; 1024]);
            let piece = &mut piece[..room.min(1024)];
            match connection.read(piece).ok()? {
                0 => return None,
                length => head.extend_from_slice(&piece[..length]),
            }
            if let Some(request) = Self::parse(&head).transpose() {
                return Some(request);
            }
        }
    }

    /// Returns true if the client wants the headers alone.
    pub(super) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// Parses a request; `None` if it is incomplete.
    fn parse(head: &[u8]) -> Result<Option<Self>, Answer> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let malformed = |_| Answer::error(400, "the request is not HTTP/1.1");
        if parsed.parse(head).map_err(malformed)?.is_partial() {
            return Ok(None);
        }
        let target = parsed.path.unwrap_or_default();
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        Ok(Some(Self {
            method: parsed.method.unwrap_or_default().to_owned(),
            path: path.trim_end_matches('/').to_owned(),
            host: only(parsed.headers, "host").map(str::to_owned),
            bearer: only(parsed.headers, "authorization").and_then(bearer),
        }))
    }
}

/// Returns the value of a header that occurs exactly once.
fn only<'a>(headers: &[httparse::Header<'a>], name: &str) -> Option<&'a str> {
    let mut found = headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case(name));
    let header = found.next()?;
    match found.next() {
        None => std::str::from_utf8(header.value).ok(),
        Some(_) => None,
    }
}

/// Parses RFC 6750 section 2.1; the case of the scheme is ignored.
fn bearer(value: &str) -> Option<Zeroizing<String>> {
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| Zeroizing::new(token.trim().to_owned()))
}

/// The body of an error.
#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
}

impl Answer {
    pub(super) fn json(status: u16, value: &impl Serialize) -> Self {
        let mut body = Zeroizing::new(Vec::with_capacity(1024));
        let written = serde_json::to_writer(&mut *body, value);
        match written {
            Ok(()) => Self {
                status,
                retry_after: None,
                body,
                _permit: None,
            },
            // Maps of strings can always be serialized.
            Err(_) => Self::error(500, "the answer cannot be written"),
        }
    }

    pub(super) fn error(status: u16, error: &str) -> Self {
        let body = serde_json::to_vec(&ErrorBody { error }).unwrap_or_default();
        Self {
            status,
            retry_after: None,
            body: Zeroizing::new(body),
            _permit: None,
        }
    }

    /// Adds the advice to retry after a while.
    pub(super) fn retry_after(self, time: Duration) -> Self {
        Self {
            retry_after: Some(time.as_secs().max(1)),
            ..self
        }
    }

    /// Adds a permit, which is held until the answer is written.
    pub(super) fn with_permit(self, permit: Permit) -> Self {
        Self {
            _permit: Some(permit),
            ..self
        }
    }

    /// Writes the answer. The one to HEAD has no body, and the headers of the one to GET.
    pub(super) fn write(&self, connection: &mut impl Write, has_body: bool) -> io::Result<()> {
        let mut head = format!(
            "HTTP/1.1 {} {}\r\n\
             Content-Type: application/json\r\n\
             Content-Length: {}\r\n\
             Cache-Control: no-store\r\n\
             X-Content-Type-Options: nosniff\r\n\
             Connection: close\r\n",
            self.status,
            reason(self.status),
            self.body.len()
        );
        match self.status {
            401 => head.push_str("WWW-Authenticate: Bearer\r\n"),
            405 => head.push_str("Allow: GET, HEAD\r\n"),
            _ => {}
        }
        if let Some(seconds) = self.retry_after {
            head.push_str(&format!("Retry-After: {seconds}\r\n"));
        }
        head.push_str("\r\n");
        connection.write_all(head.as_bytes())?;
        if has_body {
            connection.write_all(&self.body)?;
        }
        connection.flush()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(head: &str) -> Option<Request> {
        Request::parse(head.as_bytes()).unwrap()
    }

    #[test]
    fn a_request_is_its_method_path_host_and_token() {
        let head =
            "GET /secret/A/?x=1 HTTP/1.1\r\nHOST: localhost\r\nAuthorization: bearer  t \r\n\r\n";
        let request = parse(head).unwrap();
        assert_eq!((&*request.method, &*request.path), ("GET", "/secret/A"));
        assert_eq!(request.host.as_deref(), Some("localhost"));
        assert_eq!(request.bearer.as_deref().map(String::as_str), Some("t"));
        for length in 0..head.len() {
            assert_eq!(parse(&head[..length]), None, "{length}");
        }
    }

    #[test]
    fn a_duplicate_header_counts_as_missing() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\nAuthorization: Basic eA==\r\n\r\n";
        let request = parse(head).unwrap();
        assert_eq!((request.host, request.bearer), (None, None));
    }

    #[test]
    fn invalid_requests_are_refused() {
        for head in [
            "\u{16}\u{3}\u{1}",
            "GET /a b HTTP/1.1\r\n",
            "GET / HTTP/9.9\r\n\r\n",
        ] {
            assert_eq!(Request::parse(head.as_bytes()).unwrap_err().status, 400);
        }
        let many = format!(
            "GET / HTTP/1.1\r\n{}\r\n",
            "a: b\r\n".repeat(MAX_HEADERS + 1)
        );
        assert_eq!(Request::parse(many.as_bytes()).unwrap_err().status, 400);
    }
}
