//! Discards the unread body of a request after it is answered.
//!
//! Many clients send the whole request before they read the response. If the vault answered and closed
//! the connection during that, they would see a reset connection instead of the response. So the response
//! is sent at once, and the remaining body is read and discarded, within bounds on bytes and time.
//!
//! A client that waits for `100 Continue` does not send its body after a final response. Its connection is
//! closed.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{CONNECTION, EXPECT};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::head;

/// The largest number of bytes that are discarded.
const MAX_DISCARDED: usize = 18 * 1024 * 1024;
/// The longest time for discarding a body.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);

/// Checks the head of a request, lets `call` answer it, and discards its unread body.
pub(super) async fn answer<F: Future<Output = Response>>(
    mut request: Request,
    call: impl FnOnce(Request) -> F,
) -> Response {
    let expects_continue = request.headers().contains_key(EXPECT);
    let unread = track(&mut request);
    let response = match head::check(request.version(), request.headers()) {
        Ok(()) => call(request).await,
        // A proxy could see the start of the next request elsewhere, so no later byte is read as a request.
        Err(refusal) => {
            drop(request);
            closing(refusal.into_response())
        }
    };
    let Some(unread) = unread.and_then(|mut unread| unread.try_recv().ok()) else {
        return response;
    };
    if expects_continue && !unread.was_polled {
        return closing(response);
    }
    tokio::spawn(timeout(DISCARD_TIMEOUT, discard(unread.body)));
    response
}

/// Closes the connection after a response.
fn closing(mut response: Response) -> Response {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}

async fn discard(mut body: Body) {
    let mut size = 0_usize;
    while let Some(Ok(frame)) = body.frame().await {
        size = size.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if size > MAX_DISCARDED {
            break;
        }
    }
}

/// Returns a channel that receives the request's body if it is dropped before its end.
fn track(request: &mut Request) -> Option<oneshot::Receiver<UnreadBody>> {
    if request.body().is_end_stream() {
        return None;
    }
    let (sender, receiver) = oneshot::channel();
    let body = std::mem::take(request.body_mut());
    *request.body_mut() = Body::new(TrackedBody {
        body,
        was_polled: false,
        unread: Some(sender),
    });
    Some(receiver)
}

struct UnreadBody {
    body: Body,
    /// Set if a part was read, after which the client sends the remainder without `100 Continue`.
    was_polled: bool,
}

/// A body that is sent to `unread` if it is dropped before its end.
struct TrackedBody {
    body: Body,
    was_polled: bool,
    /// `None` after the end of the body.
    unread: Option<oneshot::Sender<UnreadBody>>,
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        this.was_polled = true;
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) || this.body.is_end_stream() {
            this.unread = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        if let Some(unread) = self.unread.take() {
            // Fails if the connection closed, and then the body is not needed.
            let _ = unread.send(UnreadBody {
                body: std::mem::take(&mut self.body),
                was_polled: self.was_polled,
            });
        }
    }
}
