//! Bytes in an answer's place, as many as are wanted, without holding them all.

use axum::body::Bytes;
use axum::http::StatusCode;

/// A beginning, something that repeats, and an end.
#[derive(Clone, Debug)]
pub(super) struct Flood {
    head: Bytes,
    repeated: Bytes,
    times: Times,
    tail: Bytes,
}

#[derive(Clone, Copy, Debug)]
enum Times {
    So(usize),
    Forever,
}

/// How a body says where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A `Content-Length` header: a client can refuse before it reads.
    Length,
    /// `Transfer-Encoding: chunked`: a client has to count what it reads.
    Chunked,
}

/// How many bytes a flood repeats at a time.
const PIECE: usize = 16 * 1024;

impl Flood {
    /// Just these bytes.
    pub(super) fn raw(bytes: Bytes) -> Self {
        Self {
            head: bytes,
            repeated: Bytes::new(),
            times: Times::So(0),
            tail: Bytes::new(),
        }
    }

    /// A success whose body is white space without end, which JSON allows before a value.
    pub(super) fn endless() -> Self {
        Self {
            head: head("transfer-encoding: chunked"),
            repeated: chunk(PIECE),
            times: Times::Forever,
            tail: Bytes::new(),
        }
    }

    /// A success whose body is so many bytes of white space.
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
            repeated,
            times: Times::So(times),
            tail,
        }
    }

    /// Heads of informational answers without end, and no answer.
    pub(super) fn informational(status: StatusCode) -> Self {
        let head = format!("HTTP/1.1 {status}\r\n\r\n");
        Self {
            head: Bytes::new(),
            repeated: head.repeat(PIECE / head.len()).into(),
            times: Times::Forever,
            tail: Bytes::new(),
        }
    }

    /// A piece of what follows after so many bytes; `None` at the end.
    pub(super) fn after(&self, written: usize) -> Option<&[u8]> {
        if let Some(rest) = rest(&self.head, written) {
            return Some(rest);
        }
        let written = written - self.head.len();
        let repeated = match self.times {
            Times::Forever => usize::MAX,
            Times::So(times) => times * self.repeated.len(),
        };
        if written < repeated {
            return rest(&self.repeated, written % self.repeated.len());
        }
        rest(&self.tail, written - repeated)
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
    fn an_oversized_body_has_its_size_to_the_byte() {
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
