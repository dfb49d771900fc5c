//! A connection that is driven by the future that waits for its answer, not by a task of its own, and whose
//! buffers are wiped.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Context;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::Connection;
use zeroize::Zeroize;

use super::connect::Stream;

/// The connection state of `hyper`. Dropping it closes the connection.
pub(super) struct Wire(Option<Connection<Stream, Full<Bytes>>>);

impl Wire {
    pub(super) fn new(connection: Connection<Stream, Full<Bytes>>) -> Self {
        Self(Some(connection))
    }

    /// Waits for `work` while driving the connection.
    pub(super) async fn drive<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|cx| {
            self.advance(cx);
            work.as_mut().poll(cx)
        })
        .await
    }

    fn advance(&mut self, cx: &mut Context<'_>) {
        let Some(connection) = &mut self.0 else {
            return;
        };
        // The future of the answer returns the errors.
        if Pin::new(connection).poll(cx).is_ready() {
            self.end();
        }
    }

    fn end(&mut self) {
        if let Some(connection) = self.0.take() {
            wipe(connection.into_parts().read_buf);
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.end();
    }
}

/// Wipes the memory of some bytes, unless it is shared: then the last owner wipes it.
pub(super) fn wipe(bytes: Bytes) {
    if bytes.is_unique() {
        Vec::from(bytes).zeroize();
    }
}
