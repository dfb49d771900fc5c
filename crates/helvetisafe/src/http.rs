//! The transport: one method over the types of the crate `http`, and its two implementations.

#[cfg(any(feature = "reqwest", feature = "tower"))]
mod adapter;
mod certificate;
mod error;
mod framing;
#[cfg(feature = "async")]
pub(crate) mod hyper;
mod informational;
mod late;
mod no_tls;
mod per_address;
pub(crate) mod proxy;
#[cfg(feature = "reqwest")]
mod reqwest;
pub(crate) mod roots;
pub(crate) mod tls;
#[cfg(feature = "tower")]
mod tower;
pub(crate) mod ureq;

use std::time::Duration;

use http::{Request, Response};

use crate::limits::Timeouts;
use proxy::ProxySetting;
use tls::TlsSettings;

#[cfg(feature = "reqwest")]
pub use self::reqwest::ReqwestTransport;
#[cfg(feature = "tower")]
pub use self::tower::TowerTransport;
pub(crate) use certificate::CertificateProblem;
pub use error::{Failure, TransportError};
pub(crate) use late::Late;
pub(crate) use per_address::{Addresses, PerAddress};

/// Sends one request and returns the whole answer.
///
/// Any status is an answer; an error means that there is no answer. A transport must not follow redirects,
/// retry, or decompress. It should observe the [`AttemptLimits`] in the request's extensions; the client
/// checks the size of the body again.
///
/// Closures are transports:
///
/// ```
/// use helvetisafe::{Client, Credentials, KeySource};
///
/// let offline = |_: &http::Request<Vec<u8>>| {
///     let mut response = http::Response::new(Vec::new());
///     *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
///     Ok(response)
/// };
/// let error = Client::builder(
///     "https://vault.example",
///     Credentials::api_token("portal-token"),
///     KeySource::password("pass word"),
/// )
/// .transport(offline)
/// .attempts(1)
/// .connect()
/// .unwrap_err();
/// assert_eq!(error.status().map(|status| status.as_u16()), Some(503));
/// ```
pub trait Transport: Send + Sync {
    /// Sends `request` and waits for the answer.
    ///
    /// # Errors
    ///
    /// [`TransportError`] when no whole answer came back.
    fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError>;
}

impl<F> Transport for F
where
    F: Fn(&Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> + Send + Sync,
{
    fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        self(request)
    }
}

/// Sends one request and returns the whole answer, without blocking: the asynchronous [`Transport`], with
/// the same duties.
///
/// A closure that returns a `'static` future is a transport. A future that is dropped must release
/// everything it holds; its request may or may not have reached the vault.
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
#[cfg(feature = "async")]
pub trait AsyncTransport: Send + Sync {
    /// Sends `request`; the future returns the answer. The transport owns the request, and should wipe its
    /// body: that of a token request holds the client secret.
    ///
    /// # Errors
    ///
    /// [`TransportError`] when no whole answer came back.
    fn send(&self, request: Request<Vec<u8>>) -> Answer<'_>;
}

/// The future of [`AsyncTransport::send`].
#[cfg(feature = "async")]
pub type Answer<'a> =
    std::pin::Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, TransportError>> + Send + 'a>>;

#[cfg(feature = "async")]
impl<F, A> AsyncTransport for F
where
    F: Fn(Request<Vec<u8>>) -> A + Send + Sync,
    A: Future<Output = Result<Response<Vec<u8>>, TransportError>> + Send + 'static,
{
    fn send(&self, request: Request<Vec<u8>>) -> Answer<'_> {
        Box::pin(self(request))
    }
}

/// The limits of one attempt; an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct AttemptLimits {
    /// The time from the name lookup to the last byte of the body.
    pub time: Duration,
    /// The bytes of the body.
    pub body: usize,
}

impl AttemptLimits {
    /// Returns the limits of a request, or defaults.
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let default = Self {
            time: Duration::from_secs(10),
            body: 1 << 20,
        };
        request.extensions().get().copied().unwrap_or(default)
    }
}

/// The settings of the connections of a default transport.
#[derive(Clone, Default)]
pub(crate) struct ConnectionSettings {
    pub(crate) tls: TlsSettings,
    pub(crate) proxy: ProxySetting,
}

/// Fails if the connection may take no time at all, since not all libraries check that.
fn check_timeouts(timeouts: &Timeouts) -> Result<(), TransportError> {
    if timeouts.connect.is_zero() || timeouts.silence.is_zero() {
        let reason = "the timeout for connecting or for silence is zero";
        return Err(TransportError::with_source(Failure::NotSent, reason));
    }
    Ok(())
}
