//! Keeps credentials out of the buffers of `hyper`, which it does not wipe: it is given a filler of
//! the same length, and the credential takes its place on the way to the socket.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use http::{HeaderMap, HeaderValue};

/// A credential that was taken from the headers of a request.
#[derive(Clone)]
pub(super) struct Covered {
    value: HeaderValue,
    /// The line of the header as `hyper` writes it, which can be nowhere else: no other part of a
    /// request has a line break.
    line: Vec<u8>,
    filler: usize,
}

impl Covered {
    /// Puts a filler in place of the sensitive header.
    pub(super) fn take(headers: &mut HeaderMap) -> Option<Self> {
        let (name, value) = headers.iter_mut().find(|(_, it)| it.is_sensitive())?;
        // It is a header value for certain; were it none, the vault would be sent an empty one.
        let filler = HeaderValue::try_from(vec![b'*'; value.len()])
            .unwrap_or_else(|_| HeaderValue::from_static(""));
        let line = [b"\r\n", name.as_str().as_bytes(), b": ", filler.as_bytes()].concat();
        Some(Self {
            filler: filler.len(),
            value: std::mem::replace(value, filler),
            line,
        })
    }

    /// Where its filler lies in the head of a request.
    fn place(&self, head: &[u8]) -> Option<Range<usize>> {
        let mut lines = head.windows(self.line.len());
        let end = lines.position(|line| line == self.line)? + self.line.len();
        Some(end - self.filler..end)
    }
}

/// The credential of the request that a connection carries, until it is sent.
#[derive(Clone, Default)]
pub(super) struct Veil(Arc<Mutex<Option<Sending>>>);

struct Sending {
    covered: Covered,
    /// Where in the request its place is, once the head is there.
    place: Option<Range<usize>>,
    /// How much of the request was written.
    written: usize,
}

impl Veil {
    /// To be called before each request.
    pub(super) fn put(&self, covered: Option<Covered>) {
        *self.lock() = covered.map(|covered| Sending {
            covered,
            place: None,
            written: 0,
        });
    }

    /// Writes with the credential in its place.
    pub(super) fn lift(
        &self,
        bytes: &[IoSlice<'_>],
        write: impl FnOnce(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let mut guard = self.lock();
        let Some(sending) = guard.as_mut() else {
            return write(bytes);
        };
        let polled = write(&sending.uncover(bytes));
        if let Poll::Ready(Ok(written)) = polled {
            sending.written += written;
            if sending.is_sent() {
                *guard = None;
            }
        }
        polled
    }

    /// A thread that panicked leaves a whole state behind, so poison does not matter.
    fn lock(&self) -> MutexGuard<'_, Option<Sending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sending {
    /// The same bytes, with what belongs there of the credential. The head comes as one piece, or what
    /// was not yet written of it.
    fn uncover<'a>(&'a mut self, bytes: &'a [IoSlice<'_>]) -> Vec<IoSlice<'a>> {
        let Some((head, rest)) = bytes.split_first() else {
            return Vec::new();
        };
        let place = self
            .place
            .get_or_insert_with(|| self.covered.place(head).unwrap_or(0..0));
        let within = |at: usize| at.saturating_sub(self.written).min(head.len());
        let (start, end) = (within(place.start), within(place.end));
        let gone = self.written.saturating_sub(place.start);
        let value = self.covered.value.as_bytes();
        let value = value.get(gone..gone + (end - start)).unwrap_or_default();
        let pieces = [&head[..start], value, &head[end..]];
        let rest = rest.iter().map(|piece| &**piece);
        pieces.into_iter().chain(rest).map(IoSlice::new).collect()
    }

    fn is_sent(&self) -> bool {
        self.place
            .as_ref()
            .is_some_and(|place| self.written >= place.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> (HeaderMap, Option<Covered>) {
        let mut headers = HeaderMap::new();
        let mut value = HeaderValue::from_static("Bearer token");
        value.set_sensitive(true);
        headers.insert(
            "user-agent",
            HeaderValue::from_static("authorization: ************"),
        );
        headers.insert("authorization", value);
        let covered = Covered::take(&mut headers);
        (headers, covered)
    }

    /// What arrives of a head and a body when so many bytes are taken at a time.
    fn sent(veil: &Veil, head: &str, body: &str, at_once: usize) -> String {
        let (head, body) = (head.as_bytes(), body.as_bytes());
        let (mut arrived, mut written) = (Vec::new(), 0);
        while written < head.len() + body.len() {
            let in_body = written.saturating_sub(head.len());
            let left = [&head[written.min(head.len())..], &body[in_body..]];
            let slices: Vec<_> = left
                .into_iter()
                .filter(|piece| !piece.is_empty())
                .map(IoSlice::new)
                .collect();
            let polled = veil.lift(&slices, |slices| {
                let all: Vec<u8> = slices
                    .iter()
                    .flat_map(|piece| piece.iter().copied())
                    .collect();
                arrived.extend_from_slice(&all[..at_once.min(all.len())]);
                Poll::Ready(Ok(at_once.min(all.len())))
            });
            let Poll::Ready(Ok(more)) = polled else {
                unreachable!("it is always ready");
            };
            written += more;
        }
        String::from_utf8_lossy(&arrived).into_owned()
    }

    #[test]
    fn the_credential_arrives_however_the_request_is_cut() {
        let (headers, covered) = request();
        assert_eq!(headers["authorization"], "************");
        let head = |value: &str| {
            format!(
                "GET / HTTP/1.1\r\nuser-agent: authorization: ************\r\n\
                 authorization: {value}\r\nhost: x\r\n\r\n"
            )
        };
        for at_once in 1..head("").len() + 30 {
            let veil = Veil::default();
            veil.put(covered.clone());
            let arrived = sent(&veil, &head("************"), "body", at_once);
            assert_eq!(arrived, head("Bearer token") + "body", "{at_once} at once");
            assert!(veil.lock().is_none(), "it is let go when it is sent");
        }
    }

    #[test]
    fn without_a_credential_all_is_sent_as_it_is() {
        let veil = Veil::default();
        assert!(Covered::take(&mut HeaderMap::new()).is_none());
        veil.put(None);
        assert_eq!(
            sent(&veil, "POST / HTTP/1.1\r\n\r\n", "body", 7),
            "POST / HTTP/1.1\r\n\r\nbody"
        );
    }
}
