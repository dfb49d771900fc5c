//! The bodies of requests that were answered before they were read.
//!
//! Many clients send all before they listen. If the vault answered and closed while they still send, they
//! would see a reset connection in place of the answer. So the answer goes out at once, and the rest of
//! the body is read and thrown away meanwhile, for some bytes and seconds. A client that waits for `100
//! Continue` sends nothing more once it has the answer; its connection is closed.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{CONNECTION, EXPECT};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::head;

/// The most bytes that are thrown away, and the time for it.
const MOST: usize = 18 * 1024 * 1024;
const LONGEST: Duration = Duration::from_secs(5);

/// The first layer that a request passes: judges its head, and looks after what is left of its body.
pub(super) async fn admit(mut request: Request, next: Next) -> Response {
    let waits = request.headers().contains_key(EXPECT);
    let left = lend(&mut request);
    let mut response = match head::check(request.version(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            drop(request);
            refusal.into_response()
        }
    };
    let Some(rest) = left.and_then(|mut left| left.try_recv().ok()) else {
        return response;
    };
    if waits && !rest.is_begun {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    } else {
        tokio::spawn(timeout(LONGEST, throw_away(rest.body)));
    }
    response
}

async fn throw_away(mut body: Body) {
    let mut size = 0_usize;
    while let Some(Ok(frame)) = body.frame().await {
        size = size.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if size > MOST {
            break;
        }
    }
}

/// Has the request's body come back here when it is dropped unread.
fn lend(request: &mut Request) -> Option<oneshot::Receiver<Rest>> {
    if request.body().is_end_stream() {
        return None;
    }
    let (back, left) = oneshot::channel();
    let body = std::mem::take(request.body_mut());
    *request.body_mut() = Body::new(Lent {
        body,
        is_begun: false,
        back: Some(back),
    });
    Some(left)
}

/// The rest of a body.
struct Rest {
    body: Body,
    /// Set if some of it was asked for, so that the client sends on.
    is_begun: bool,
}

struct Lent {
    body: Body,
    is_begun: bool,
    /// `None` once the body has ended.
    back: Option<oneshot::Sender<Rest>>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        this.is_begun = true;
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) || this.body.is_end_stream() {
            this.back = None;
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

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(back) = self.back.take() {
            // The request may have ended with its connection, and then nobody waits for it.
            let _ = back.send(Rest {
                body: std::mem::take(&mut self.body),
                is_begun: self.is_begun,
            });
        }
    }
}
