//! The failure of a request that has no answer.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use http::Uri;

#[cfg(doc)]
use super::AttemptLimits;
use super::no_tls::NoTls;
use super::tls::is_certificate_missing;
use super::{CertificateProblem, Late, ureq};

/// The failure of a request that has no answer.
///
/// `Display` shows all of it: the progress, the host and the proxy, and the error of the HTTP library with its
/// causes. So [`source`](StdError::source) is `None`; [`Self::get_ref`] returns the library's error.
///
/// ```
/// use helvetisafe::{Failure, TransportError};
///
/// let error = TransportError::with_source(Failure::NotSent, "the socket is gone");
/// assert_eq!(error.failure(), Failure::NotSent);
/// assert_eq!(error.get_ref().map(|cause| cause.to_string()), Some("the socket is gone".to_owned()));
/// // The client adds these.
/// assert_eq!((error.host(), error.proxy()), (None, None));
/// assert_eq!(TransportError::new(Failure::Lost).failure(), Failure::Lost);
/// ```
#[derive(Clone)]
pub struct TransportError {
    failure: Failure,
    host: Option<Arc<str>>,
    proxy: Option<Arc<str>>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The progress of a request that has no answer. It decides if the request may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Not one byte of the request was sent: the name has no address, the connection was refused,
    /// or it or its TLS took too long.
    #[error("the vault could not be reached; nothing was sent")]
    NotSent,
    /// TLS failed for a reason that does not pass, such as a certificate that is not trusted, on one of the two
    /// sides. The vault read nothing of the request.
    #[error("no trusted TLS connection: the certificate or the protocol was refused")]
    Tls,
    /// The proxy refused to reach the vault, for a reason that does not pass, such as a missing password. Not one
    /// byte of the request was sent.
    #[error("the proxy does not connect to the vault; nothing was sent")]
    Proxy,
    /// A reused connection turned out to be closed: no byte came back.
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
    /// The answer is not HTTP.
    #[error("the answer is not HTTP")]
    Malformed,
    /// The transport followed a redirect, which it must not: the request, and perhaps the credential, went to another
    /// address. The default transports never do.
    #[error("the transport followed a redirect; set it up without redirects")]
    Redirected,
}

impl TransportError {
    /// Makes a failure without a source.
    #[must_use]
    pub fn new(failure: Failure) -> Self {
        Self {
            failure,
            host: None,
            proxy: None,
            source: None,
        }
    }

    /// Makes a failure with the error of the HTTP library, which must not hold a credential or a body.
    #[must_use]
    pub fn with_source(
        failure: Failure,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self {
            source: Some(Arc::from(source.into())),
            ..Self::new(failure)
        }
    }

    /// Returns the progress of the request.
    #[must_use]
    pub fn failure(&self) -> Failure {
        self.failure
    }

    /// Returns the host of the request, with the port if the base URL has one. The client adds it to the errors
    /// of every transport.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Returns the host and the port of the proxy, if the request went through one. Only the default transports
    /// know it.
    #[must_use]
    pub fn proxy(&self) -> Option<&str> {
        self.proxy.as_deref()
    }

    /// Returns the error of the HTTP library, or of the closure that is the transport.
    #[must_use]
    pub fn get_ref(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.source.as_deref()
    }

    /// Adds the host of the request.
    pub(crate) fn with_host(self, request: &Uri) -> Self {
        Self {
            host: request.authority().map(|host| host.as_str().into()),
            ..self
        }
    }

    /// Adds the proxy, if there is one.
    pub(crate) fn through(self, proxy: Option<&Uri>) -> Self {
        let proxy = proxy.and_then(Uri::authority);
        Self {
            proxy: proxy.map(|proxy| proxy.as_str().into()),
            ..self
        }
    }

    /// Returns true if the vault, or a proxy with `https://`, does not speak TLS: it answered the handshake with another
    /// protocol, such as plain HTTP.
    ///
    /// ```
    /// use helvetisafe::{Failure, TransportError};
    ///
    /// let error = TransportError::with_source(Failure::Tls, "the certificate is not trusted");
    /// assert!(!error.is_without_tls());
    /// ```
    #[must_use]
    pub fn is_without_tls(&self) -> bool {
        self.no_tls().is_some()
    }

    fn no_tls(&self) -> Option<NoTls> {
        let source = self.source.as_deref();
        NoTls::find(source.filter(|_| self.failure == Failure::Tls)?)
    }

    /// Returns the limit of time that the request exceeded, if the transport names it.
    pub(crate) fn late(&self) -> Option<Late> {
        self.get_ref()?.downcast_ref().copied()
    }

    /// Returns the same failure of an attempt that had only the time that was left of its operation.
    pub(crate) fn in_time_left(self) -> Self {
        match self.late() {
            Some(Late::Attempt(_)) => Self {
                source: Some(Arc::new(Late::Operation)),
                ..self
            },
            _ => self,
        }
    }

    /// Returns the reason for which the vault's certificate was refused, if that is known.
    pub(crate) fn certificate_problem(&self) -> Option<CertificateProblem> {
        CertificateProblem::find(self.source.as_deref()?)
    }

    /// Returns true if the vault requires a client certificate, and the client has none.
    pub(crate) fn lacks_client_certificate(&self) -> bool {
        let source = self.source.as_deref();
        source.is_some_and(|source| is_certificate_missing(source))
    }

    /// Returns true if the body of the answer was larger than [`AttemptLimits::body`], rather than its head.
    pub(crate) fn exceeds_body_limit(&self) -> bool {
        self.failure == Failure::TooLarge && !self.get_ref().is_some_and(ureq::is_large_head)
    }

    /// Writes the host and the proxy.
    fn route(&self) -> Option<String> {
        match (&self.host, &self.proxy) {
            (Some(host), Some(proxy)) => Some(format!("{host} through the proxy {proxy}")),
            (Some(host), None) => Some(host.to_string()),
            (None, Some(proxy)) => Some(format!("the proxy {proxy}")),
            (None, None) => None,
        }
    }

    /// Describes a peer that does not speak TLS.
    fn without_tls(&self, peer: NoTls) -> String {
        let name = match (peer, &self.proxy) {
            (NoTls::Proxy, Some(proxy)) => format!("the proxy {proxy}"),
            _ => self.route().unwrap_or_else(|| "the vault".to_owned()),
        };
        format!("{name} {peer}")
    }

    /// Writes the host, the proxy, and the error of the library with those causes that it does not show itself.
    fn details(&self) -> String {
        let mut shown = self.route().unwrap_or_default();
        let first = self
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static));
        for cause in std::iter::successors(first, |&cause| cause.source()) {
            let text = cause.to_string();
            if shown.contains(&text) {
                continue;
            }
            if !shown.is_empty() {
                shown.push_str(": ");
            }
            shown.push_str(&text);
        }
        shown
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(peer) = self.no_tls() {
            return f.write_str(&self.without_tls(peer));
        }
        match self.details() {
            details if details.is_empty() => write!(f, "{}", self.failure),
            details => write!(f, "{} ({details})", self.failure),
        }
    }
}

impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransportError({self})")
    }
}

impl StdError for TransportError {}
