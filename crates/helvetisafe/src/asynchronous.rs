//! The client for asynchronous programs, on tokio. What it does is the blocking client's code; here
//! is how it sends, waits and locks.

mod client;
mod driver;
mod hyper;
mod secrets;
mod watch;

use std::pin::Pin;
use std::time::Duration;

use http::{Request, Response};

use crate::clock::{Clock, SystemClock};
use crate::transport::TransportError;

pub use client::{AsyncClient, AsyncParts};
pub use secrets::AsyncSecrets;
pub use watch::AsyncWatch;

/// Sends one request and returns the whole answer, without blocking: the asynchronous
/// [`Transport`](crate::Transport), with the same duties.
///
/// Closures that return a future which owns what it needs are transports. A future that is dropped
/// must let go of all it holds; its request may or may not have reached the vault.
///
/// ```
/// use helvetisafe::{AsyncClient, Credentials, Failure, KeySource, TransportError};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let offline = |_: http::Request<Vec<u8>>| async {
///     Err(TransportError::new(Failure::NotSent))
/// };
/// let error = AsyncClient::builder(
///     "https://vault.example",
///     Credentials::api_token("portal-token"),
///     KeySource::password("pass word"),
/// )
/// .transport(offline)
/// .attempts(1)
/// .connect()
/// .await
/// .unwrap_err();
/// assert!(error.is_retryable());
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait AsyncTransport: Send + Sync {
    /// Sends `request`; the future is the answer. It is given the request, whose body the transport
    /// should wipe where it can: that of a token request holds the client secret.
    ///
    /// # Errors
    ///
    /// [`TransportError`] when no whole answer came back.
    fn send(&self, request: Request<Vec<u8>>) -> Answer<'_>;
}

/// The future of [`AsyncTransport::send`].
pub type Answer<'a> =
    Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, TransportError>> + Send + 'a>>;

impl<F, A> AsyncTransport for F
where
    F: Fn(Request<Vec<u8>>) -> A + Send + Sync,
    A: Future<Output = Result<Response<Vec<u8>>, TransportError>> + Send + 'static,
{
    fn send(&self, request: Request<Vec<u8>>) -> Answer<'_> {
        Box::pin(self(request))
    }
}

/// A [`Clock`] that can wait without blocking, for tests with a time of their own.
pub trait AsyncClock: Clock {
    /// Is ready after `duration`.
    fn sleep_async(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

impl AsyncClock for SystemClock {
    fn sleep_async(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}
