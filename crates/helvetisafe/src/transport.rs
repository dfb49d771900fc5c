//! How a request reaches the vault: one method, over the types of the `http` crate.

pub(crate) mod framing;
pub(crate) mod informational;
pub(crate) mod proxy;
pub(crate) mod roots;
pub(crate) mod ureq;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};

use crate::error::ConfigError;

/// Sends one request and returns the whole answer.
///
/// Any status is an answer; an error means that there is none. A transport must not follow
/// redirects, retry, or decompress. It should honour the [`AttemptLimits`] that it finds among the
/// request's extensions; the client checks the size of the body again.
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

/// What one attempt may take; an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptLimits {
    /// From the name look-up to the last byte of the body.
    pub time: Duration,
    /// Bytes of the body.
    pub body: usize,
}

impl AttemptLimits {
    /// Those of a request, or defaults for one that has none.
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let default = Self {
            time: Duration::from_secs(10),
            body: 1 << 20,
        };
        request.extensions().get().copied().unwrap_or(default)
    }
}

/// Why there is no answer.
#[derive(Clone)]
pub struct TransportError {
    failure: Failure,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// How far a request came that has no answer: what decides whether it may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Not one byte of the request was sent: the name has no address, the connection was refused,
    /// or it or its TLS took too long.
    #[error("the vault could not be reached; nothing was sent")]
    NotSent,
    /// TLS failed for a reason that does not pass, such as a certificate that is not trusted.
    #[error("no trusted TLS connection: the certificate or the protocol was refused")]
    Tls,
    /// A connection that was kept from an earlier request had died: no byte came back.
    #[error("the connection had been closed by the vault")]
    DeadConnection,
    /// The connection broke after something was sent.
    #[error("the connection broke before the answer was complete")]
    Lost,
    /// No answer came in time after something was sent.
    #[error("the vault did not answer in time")]
    TimedOut,
    /// The answer is larger than [`AttemptLimits::body`].
    #[error("the answer is larger than allowed")]
    TooLarge,
    /// The answer is no HTTP.
    #[error("the answer is not HTTP")]
    Malformed,
}

impl TransportError {
    /// A failure with nothing more to say.
    #[must_use]
    pub fn new(failure: Failure) -> Self {
        Self {
            failure,
            source: None,
        }
    }

    /// A failure and the error of the HTTP library, which must not hold a credential or a body.
    #[must_use]
    pub fn with_source(
        failure: Failure,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self {
            failure,
            source: Some(Arc::from(source.into())),
        }
    }

    /// How far the request came.
    #[must_use]
    pub fn failure(&self) -> Failure {
        self.failure
    }

    pub(crate) fn config_error(&self) -> Option<&ConfigError> {
        self.source.as_deref()?.downcast_ref()
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{} ({source})", self.failure),
            None => write!(f, "{}", self.failure),
        }
    }
}

impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransportError({self})")
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
