//! Keeps credentials out of the buffers of `hyper`, which are not wiped. `hyper` gets a filler of the same
//! length, and the credential replaces it just before the bytes go to the socket.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use http::{HeaderMap, HeaderValue};

/// A credential that a filler replaces in the headers of a request.
#[derive(Clone)]
pub(super) struct MaskedHeader {
    value: HeaderValue,
    /// The line of the header as `hyper` writes it. It occurs once, since no other part of a head can hold
    /// a line break.
    line: Vec<u8>,
    filler: usize,
}

impl MaskedHeader {
    /// Replaces the value of the sensitive header with a filler.
    pub(super) fn take(headers: &mut HeaderMap) -> Option<Self> {
        let (name, value) = headers.iter_mut().find(|(_, it)| it.is_sensitive())?;
        // The filler is a valid header value. If it were not, the header would be empty.
        let filler = HeaderValue::try_from(vec![b'*'; value.len()])
            .unwrap_or_else(|_| HeaderValue::from_static(""));
        let line = [b"\r\n", name.as_str().as_bytes(), b": ", filler.as_bytes()].concat();
        Some(Self {
            filler: filler.len(),
            value: std::mem::replace(value, filler),
            line,
        })
    }

    /// Returns the range of the filler in the head of a request.
    fn place(&self, head: &[u8]) -> Option<Range<usize>> {
        let mut lines = head.windows(self.line.len());
        let end = lines.position(|line| line == self.line)? + self.line.len();
        Some(end - self.filler..end)
    }
}

/// The masked credential of the request on a connection, until it is sent.
#[derive(Clone, Default)]
pub(super) struct HeaderMask(Arc<Mutex<Option<Sending>>>);

struct Sending {
    masked: MaskedHeader,
    /// The range of the filler in the request, once the head is known.
    place: Option<Range<usize>>,
    /// The bytes of the request that were written.
    written: usize,
}

impl HeaderMask {
    /// Sets the credential of the next request.
    pub(super) fn put(&self, masked: Option<MaskedHeader>) {
        *self.lock() = masked.map(|masked| Sending {
            masked,
            place: None,
            written: 0,
        });
    }

    /// Writes with the credential in place of the filler.
    pub(super) fn unmask(
        &self,
        bytes: &[IoSlice<'_>],
        write: impl FnOnce(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let mut guard = self.lock();
        let Some(sending) = guard.as_mut() else {
            return write(bytes);
        };
        let polled = write(&sending.unmasked(bytes));
        if let Poll::Ready(Ok(written)) = polled {
            sending.written += written;
            if sending.is_sent() {
                *guard = None;
            }
        }
        polled
    }

    /// The state is consistent even after a panic, so poison does not matter.
    fn lock(&self) -> MutexGuard<'_, Option<Sending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sending {
    /// Returns the same bytes, with the credential in place of the filler. The first slice is the head, or
    /// the unwritten part of it.
    fn unmasked<'a>(&'a mut self, bytes: &'a [IoSlice<'_>]) -> Vec<IoSlice<'a>> {
        let Some((head, rest)) = bytes.split_first() else {
            return Vec::new();
        };
        let place = self
            .place
            .get_or_insert_with(|| self.masked.place(head).unwrap_or(0..0));
        let within = |at: usize| at.saturating_sub(self.written).min(head.len());
        let (start, end) = (within(place.start), within(place.end));
        let gone = self.written.saturating_sub(place.start);
        let value = self.masked.value.as_bytes();
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

    fn request() -> (HeaderMap, Option<MaskedHeader>) {
        let mut headers = HeaderMap::new();
        let mut value = HeaderValue::from_static("Bearer token");
        value.set_sensitive(true);
        headers.insert(
            "user-agent",
            HeaderValue::from_static("authorization: ************"),
        );
        headers.insert("authorization", value);
        let masked = MaskedHeader::take(&mut headers);
        (headers, masked)
    }

    /// Returns what arrives of a head and a body if `at_once` bytes are written at a time.
    fn sent(mask: &HeaderMask, head: &str, body: &str, at_once: usize) -> String {
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
            let polled = mask.unmask(&slices, |slices| {
                let all: Vec<u8> = slices
                    .iter()
                    .flat_map(|piece| piece.iter().copied())
                    .collect();
                arrived.extend_from_slice(&all[..at_once.min(all.len())]);
                Poll::Ready(Ok(at_once.min(all.len())))
            });
            let Poll::Ready(Ok(more)) = polled else {
                unreachable!("the writer is always ready");
            };
            written += more;
        }
        String::from_utf8_lossy(&arrived).into_owned()
    }

    #[test]
    fn the_credential_arrives_however_the_writes_are_split() {
        let (headers, masked) = request();
        assert_eq!(headers["authorization"], "************");
        let head = |value: &str| {
            format!(
                "GET / HTTP/1.1\r\nuser-agent: authorization: ************\r\n\
                 authorization: {value}\r\nhost: x\r\n\r\n"
            )
        };
        for at_once in 1..head("").len() + 30 {
            let mask = HeaderMask::default();
            mask.put(masked.clone());
            let arrived = sent(&mask, &head("************"), "body", at_once);
            assert_eq!(arrived, head("Bearer token") + "body", "{at_once} at once");
            assert!(mask.lock().is_none(), "it is dropped once it is sent");
        }
    }

    #[test]
    fn a_request_without_a_credential_is_sent_unchanged() {
        let mask = HeaderMask::default();
        assert!(MaskedHeader::take(&mut HeaderMap::new()).is_none());
        mask.put(None);
        assert_eq!(
            sent(&mask, "POST / HTTP/1.1\r\n\r\n", "body", 7),
            "POST / HTTP/1.1\r\n\r\nbody"
        );
    }
}
