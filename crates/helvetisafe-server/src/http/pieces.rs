//! Large bodies of answers, sent in pieces.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

/// The largest piece in bytes. The runtime bounds the number of writes until other connections have their turn, not their
/// size: a list of megabytes in one piece would delay them by milliseconds.
const PIECE: usize = 16 * 1024;

/// The part of a body that is not sent yet.
struct Pieces(Bytes);

/// Returns a body that is sent in pieces.
pub(super) fn in_pieces(body: Bytes) -> Body {
    Body::new(Pieces(body))
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let rest = &mut self.get_mut().0;
        if rest.is_empty() {
            return Poll::Ready(None);
        }
        let piece = rest.split_to(rest.len().min(PIECE));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn pieces_join_to_the_body() {
        for length in [0, 1, PIECE, PIECE + 1, 3 * PIECE] {
            let bytes: Bytes = (0..length).map(|n| n.to_le_bytes()[0]).collect();
            let mut body = in_pieces(bytes.clone());
            assert_eq!(body.size_hint().exact(), Some(length as u64));
            let mut sent = Vec::new();
            while let Some(frame) = body.frame().await {
                let data = frame.unwrap().into_data().unwrap();
                assert!(data.len() <= PIECE);
                sent.extend(data);
            }
            assert_eq!(sent, bytes);
            assert!(body.is_end_stream());
        }
    }
}
