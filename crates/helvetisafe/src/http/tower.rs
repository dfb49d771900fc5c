//! The adapter for services of `tower`.

use std::future::poll_fn;
use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Body;
use tower_service::Service;

use super::adapter::{BoxError, exchange, explain, wiped};
use super::{Answer, AsyncTransport, AttemptLimits, Failure, TransportError};

/// Sends through a [`tower_service::Service`], such as a client of `hyper-util` under layers of `tower`: the
/// transport for [`AsyncClient`](crate::AsyncClient). `B` is the body that the service takes; `Full<Bytes>` and
/// the bodies of axum and `reqwest` can be made of [`Bytes`]. Each request goes to a clone of the service.
///
/// The application then answers for the service: certificates, proxies, its own timeouts, buffers, which are not
/// wiped, and layers. A layer must not follow redirects (an API token would go along to another host), repeat
/// requests, decompress, or log headers or bodies. The limits of each attempt apply, in time and size; they are also
/// in the extensions of the request, as [`AttemptLimits`].
///
/// An error of a connection that a `hyper-util` client could not open counts as "nothing was sent", as does a
/// service that does not become ready. Every other error may have delivered the request. A service that knows
/// better returns a [`TransportError`].
///
/// ```
/// use bytes::Bytes;
/// use helvetisafe::{AsyncClient, Credentials, KeySource, TowerTransport};
/// use http::{Request, Response, StatusCode};
/// use http_body_util::Full;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let offline = tower::service_fn(|_: Request<Full<Bytes>>| async {
///     let mut response = Response::new(Full::new(Bytes::new()));
///     *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
///     Ok::<_, std::convert::Infallible>(response)
/// });
/// let error = AsyncClient::builder(
///     "https://vault.example",
///     Credentials::api_token("portal-token"),
///     KeySource::password("pass word"),
/// )
/// .transport(TowerTransport::new(offline))
/// .attempts(1)
/// .connect()
/// .await
/// .unwrap_err();
/// assert_eq!(error.status().map(|status| status.as_u16()), Some(503));
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TowerTransport<S, B> {
    /// Locked to be cloned, so that a service need not be `Sync`.
    service: Mutex<S>,
    body: PhantomData<fn() -> B>,
}

impl<S: Service<Request<B>>, B> TowerTransport<S, B> {
    /// Sends through clones of `service`.
    #[must_use]
    pub fn new(service: S) -> Self {
        Self {
            service: Mutex::new(service),
            body: PhantomData,
        }
    }
}

impl<S, B, A> AsyncTransport for TowerTransport<S, B>
where
    S: Service<Request<B>, Response = Response<A>> + Clone + Send,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: From<Bytes> + Send,
    A: Body + Send + 'static,
    A::Data: Send,
    A::Error: Into<BoxError>,
{
    fn send(&self, request: Request<Vec<u8>>) -> Answer<'_> {
        let limits = AttemptLimits::of(&request);
        let service = self.service.lock();
        let mut service = service.unwrap_or_else(PoisonError::into_inner).clone();
        let request = request.map(|body| B::from(wiped(body)));
        Box::pin(exchange(limits, async move {
            poll_fn(|context| service.poll_ready(context))
                .await
                .map_err(not_ready)?;
            service.call(request).await.map_err(explain)
        }))
    }
}

/// Explains an error of a service that has not taken the request.
fn not_ready(error: impl Into<BoxError>) -> TransportError {
    match error.into().downcast::<TransportError>() {
        Ok(own) => *own,
        Err(error) => TransportError::with_source(Failure::NotSent, error),
    }
}
