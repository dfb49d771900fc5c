//! The three framings of a body: RFC 9112 section 6.

/// The end of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// `Content-Length`.
    Length,
    /// `Transfer-Encoding: chunked`, in two chunks.
    Chunked,
    /// The end of the connection: a truncated body looks whole.
    Close,
}

/// An answer as it goes over the wire.
pub(crate) struct Framed {
    pub(crate) bytes: Vec<u8>,
    /// The length of its head, the empty line included.
    pub(crate) head: usize,
    /// The number of bytes after which the answer is complete.
    pub(crate) enough: usize,
}

impl Framing {
    pub(crate) const ALL: [Self; 3] = [Self::Length, Self::Chunked, Self::Close];

    /// Changes the framing of a recorded answer. An answer without a body (204) gets one if the framing
    /// needs it.
    pub(crate) fn apply(self, answer: &[u8]) -> Framed {
        let end = answer
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap();
        let (head, body) = (
            std::str::from_utf8(&answer[..end]).unwrap(),
            &answer[end + 4..],
        );
        let is_framing = |line: &str| {
            let name = line.split(':').next().unwrap().to_ascii_lowercase();
            ["content-length", "transfer-encoding", "connection"].contains(&name.as_str())
        };
        let lines: Vec<_> = head
            .split("\r\n")
            .filter(|line| !is_framing(line))
            .collect();
        let mut head = lines.join("\r\n");
        let is_empty = head.starts_with("HTTP/1.1 204");
        let body = if is_empty && self != Self::Length {
            b"{\"deleted\":true}"
        } else {
            body
        };
        if is_empty && self != Self::Length {
            head = head.replacen("204 No Content", "200 OK", 1);
        }
        let (line, body) = match self {
            Self::Length if is_empty => (String::new(), Vec::new()),
            Self::Length => (format!("content-length: {}\r\n", body.len()), body.to_vec()),
            Self::Chunked => ("transfer-encoding: chunked\r\n".to_owned(), chunked(body)),
            Self::Close => ("connection: close\r\n".to_owned(), body.to_vec()),
        };
        let head = format!("{head}\r\n{line}\r\n");
        let bytes = [head.as_bytes(), &body].concat();
        let missing = if self == Self::Chunked { 2 } else { 0 };
        Framed {
            head: head.len(),
            enough: bytes.len() - missing,
            bytes,
        }
    }
}

/// The same answer with `Connection: close`, so that the connection is not reused.
pub(crate) fn closing(answer: &[u8]) -> Vec<u8> {
    let line = answer
        .windows(2)
        .position(|window| window == b"\r\n")
        .unwrap();
    let (line, rest) = answer.split_at(line);
    [line, b"\r\nconnection: close", rest].concat()
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in body.chunks(body.len().div_ceil(2)) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}
