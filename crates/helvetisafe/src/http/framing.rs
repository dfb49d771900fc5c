//! Bounds the framing of a body, RFC 9112 section 7.1. A server may send any number of trailers, and of zeros
//! before the size of a chunk, and the HTTP libraries have no limit for them.

/// The bytes allowed for each byte of a body: a chunk of one byte takes six.
const PER_BYTE: u64 = 8;
/// The bytes allowed besides: read-ahead, extensions of chunks, and trailers.
const MARGIN: u64 = 256 * 1024;

/// The body has more framing than any server needs.
#[derive(Debug, thiserror::Error)]
#[error("the body of the answer is nearly all framing")]
pub(crate) struct TooMuchFraming;

/// The bytes received after the head of an answer, and those of them that belong to its body.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Framing {
    received: u64,
    body: u64,
}

impl Framing {
    pub(crate) const NONE: Self = Self {
        received: 0,
        body: 0,
    };

    /// Counts bytes received over the connection.
    pub(crate) fn note_received(&mut self, bytes: usize) {
        self.received = self.received.saturating_add(bytes as u64);
    }

    /// Counts bytes of the body, without their framing.
    pub(crate) fn note_body(&mut self, bytes: usize) {
        self.body = self.body.saturating_add(bytes as u64);
    }

    /// Returns true if there is too much framing.
    pub(crate) fn is_too_much(self) -> bool {
        self.received > self.body.saturating_mul(PER_BYTE).saturating_add(MARGIN)
    }
}
