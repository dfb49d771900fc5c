//! The framing of a body, RFC 9112 section 7.1. A server may send any number of trailers, and zeros before
//! the size of a chunk, and the HTTP libraries read on for as long as some of these come.

/// Bytes that may come for each byte of a body: a chunk of one byte takes six.
const PER_BYTE: u64 = 8;
/// Bytes that may come beside: what is read ahead, extensions of chunks, and trailers.
const MARGIN: u64 = 256 * 1024;

/// A body came with more framing than any server needs.
#[derive(Debug, thiserror::Error)]
#[error("the body of the answer is nearly all framing")]
pub(crate) struct TooMuchFraming;

/// The bytes that came after the head of an answer, and those of them that were its body.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Framing {
    came: u64,
    body: u64,
}

impl Framing {
    pub(crate) const NONE: Self = Self { came: 0, body: 0 };

    /// Notes bytes that came over the connection.
    pub(crate) fn note_came(&mut self, bytes: usize) {
        self.came = self.came.saturating_add(bytes as u64);
    }

    /// Notes bytes of the body, without their framing.
    pub(crate) fn note_body(&mut self, bytes: usize) {
        self.body = self.body.saturating_add(bytes as u64);
    }

    /// Returns whether the server sends framing without end.
    pub(crate) fn is_too_much(self) -> bool {
        self.came > self.body.saturating_mul(PER_BYTE).saturating_add(MARGIN)
    }
}
