//! Large or endless bytes in place of an answer, generated piece by piece.

use axum::body::Bytes;
use axum::http::StatusCode;

/// A start, a repeated part, and an end.
#[derive(Clone, Debug, Default)]
pub(super) struct Flood {
    head: Bytes,
    repeated: Bytes,
    /// The size of all repetitions in bytes; the largest number is endless.
    repeated_len: usize,
    tail: Bytes,
}

/// The framing of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A `Content-Length` header: a client can refuse the body before it reads.
    Length,
    /// `Transfer-Encoding: chunked`: a client must count what it reads.
    Chunked,
}

/// The size of the repeated part in bytes.
const PIECE: usize = 16 * 1024;

impl Flood {
    /// Makes a flood of these bytes.
    pub(super) fn raw(bytes: Bytes) -> Self {
        Self {
            head: bytes,
            ..Self::default()
        }
    }

    /// Makes a 200 with an endless body of white space, which JSON allows before a value.
    pub(super) fn endless() -> Self {
        Self {
            head: head("transfer-encoding: chunked"),
            repeated: chunk(PIECE),
            repeated_len: usize::MAX,
            ..Self::default()
        }
    }

    /// Makes a 200 with a body of `size` bytes of white space.
    pub(super) fn oversized(size: usize, framing: Framing) -> Self {
        let (times, rest) = (size / PIECE, size % PIECE);
        let (header, repeated, tail) = match framing {
            Framing::Length => (
                format!("content-length: {size}"),
                Bytes::from(vec![b' '; PIECE]),
                Bytes::from(vec![b' '; rest]),
            ),
            Framing::Chunked => {
                let last = if rest > 0 { chunk(rest) } else { Bytes::new() };
                let tail = [&last, &b"0\r\n\r\n"[..]].concat();
                let header = "transfer-encoding: chunked".to_owned();
                (header, chunk(PIECE), tail.into())
            }
        };
        Self {
            head: head(&header),
            repeated_len: times * repeated.len(),
            repeated,
            tail,
        }
    }

    /// Makes endless informational responses without a final one.
    pub(super) fn informational(status: StatusCode) -> Self {
        let head = format!("HTTP/1.1 {status}\r\n\r\n");
        Self {
            repeated: head.repeat(PIECE / head.len()).into(),
            repeated_len: usize::MAX,
            ..Self::default()
        }
    }

    /// Returns the next piece after `written` bytes; `None` at the end.
    pub(super) fn after(&self, written: usize) -> Option<&[u8]> {
        if let Some(rest) = rest(&self.head, written) {
            return Some(rest);
        }
        let written = written - self.head.len();
        if written < self.repeated_len {
            return rest(&self.repeated, written % self.repeated.len());
        }
        rest(&self.tail, written - self.repeated_len)
    }
}

fn rest(bytes: &Bytes, from: usize) -> Option<&[u8]> {
    bytes.get(from..).filter(|rest| !rest.is_empty())
}

fn head(header: &str) -> Bytes {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{header}\r\n\r\n").into()
}

fn chunk(size: usize) -> Bytes {
    let spaces = " ".repeat(size);
    format!("{size:x}\r\n{spaces}\r\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(flood: &Flood) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let Some(piece) = flood.after(bytes.len()) {
            bytes.extend_from_slice(piece);
        }
        bytes
    }

    #[test]
    fn an_oversized_body_has_its_exact_size() {
        for size in [0, 1, PIECE - 1, PIECE, 3 * PIECE + 7] {
            let flood = all(&Flood::oversized(size, Framing::Length));
            let spaces = flood.iter().rev().take_while(|&&byte| byte == b' ');
            assert_eq!(spaces.count(), size);
            let flood = all(&Flood::oversized(size, Framing::Chunked));
            assert!(flood.ends_with(b"\r\n0\r\n\r\n"), "{size}");
        }
        assert_eq!(all(&Flood::raw("any".into())), b"any");
    }
}
