//! A connection that goes on while somebody waits for it, in no task of its own, and whose buffers
//! are wiped.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Context;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::Connection;
use zeroize::Zeroize;

use super::connect::Stream;

/// What `hyper` does with a connection. Dropped, it is closed.
pub(super) struct Wire(Option<Connection<Stream, Full<Bytes>>>);

impl Wire {
    pub(super) fn new(connection: Connection<Stream, Full<Bytes>>) -> Self {
        Self(Some(connection))
    }

    /// Waits for `work`, which this connection makes ready.
    pub(super) async fn drive<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|cx| {
            self.go_on(cx);
            work.as_mut().poll(cx)
        })
        .await
    }

    fn go_on(&mut self, cx: &mut Context<'_>) {
        let Some(connection) = &mut self.0 else {
            return;
        };
        // Whoever waits for an answer is told its errors.
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

/// Wipes the memory in which some bytes lie, unless others lie there too: who lets go of the last
/// ones wipes it.
pub(super) fn wipe(bytes: Bytes) {
    if bytes.is_unique() {
        Vec::from(bytes).zeroize();
    }
}
