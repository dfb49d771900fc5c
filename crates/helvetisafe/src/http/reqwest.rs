//! The adapter for `reqwest`.

use http::{Request, Response};
use reqwest::{Client, ClientBuilder, redirect, retry};

use super::adapter::{exchange, explain, wiped};
use super::{Answer, AsyncTransport, AttemptLimits, Failure, TransportError};

/// Sends through a client of the crate `reqwest`: the transport for
/// [`AsyncClient`](crate::AsyncClient).
///
/// The application then answers for what the `reqwest` client has: certificates and cryptography, proxies, the
/// timeouts for connecting and for silence, and buffers, which are not wiped. The limits of each attempt apply, in
/// time and size. By default `reqwest` obeys `HTTP_PROXY` and `HTTPS_PROXY`, also for a vault on a loopback address,
/// whose plain requests such a proxy can read: [`ClientBuilder::no_proxy`] turns that off. A failed connection
/// counts as one that sent nothing; every other failure may have delivered the request.
///
/// `reqwest` has no version 1 yet. This type follows it, and is exempt from this crate's version promise.
///
/// ```no_run
/// use std::time::Duration;
///
/// use helvetisafe::{AsyncClient, ReqwestTransport};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let settings = reqwest::Client::builder().connect_timeout(Duration::from_secs(5));
/// let client = AsyncClient::builder_from_env()?
///     .transport(ReqwestTransport::new(settings)?)
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
pub struct ReqwestTransport(Client);

impl ReqwestTransport {
    /// Builds a client from these settings. Redirects, repetitions, the `Referer` header, decompression and the log of
    /// all bytes are turned off.
    ///
    /// ```no_run
    /// use helvetisafe::{AsyncClient, ReqwestTransport};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let settings = reqwest::Client::builder().tcp_nodelay(true);
    /// let client = AsyncClient::builder_from_env()?
    ///     .transport(ReqwestTransport::new(settings)?)
    ///     .connect()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::build`].
    pub fn new(settings: ClientBuilder) -> Result<Self, reqwest::Error> {
        let client = settings
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .connection_verbose(false)
            .build()?;
        Ok(Self(client))
    }

    /// Sends through a client that is built already, whose policy for redirects cannot be seen or changed.
    ///
    /// The danger: a `reqwest` client follows redirects by default, and if one leads to another host, it drops
    /// `Authorization` but not `X-Aegis-Token`. So an API token is sent to any host that the vault, or a gateway in
    /// front of it, names; and after a 307 or 308 so is the client secret in the body of a token request. Pass only a
    /// client with [`redirect::Policy::none`] and without repetitions. An answer that came by a redirect is refused,
    /// with [`Failure::Redirected`], but only after it was followed.
    ///
    /// ```no_run
    /// use helvetisafe::ReqwestTransport;
    ///
    /// # fn example() -> Result<(), reqwest::Error> {
    /// let none = reqwest::redirect::Policy::none();
    /// let client = reqwest::Client::builder().redirect(none).build()?;
    /// let transport = ReqwestTransport::danger_redirects_unchecked(client);
    /// # let _ = transport;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn danger_redirects_unchecked(client: Client) -> Self {
        Self(client)
    }

    async fn run(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let limits = AttemptLimits::of(&request);
        exchange(limits, self.answer(request)).await
    }

    async fn answer(
        &self,
        request: Request<Vec<u8>>,
    ) -> Result<Response<reqwest::Body>, TransportError> {
        let request = reqwest::Request::try_from(request.map(wiped))
            .map_err(|error| TransportError::with_source(Failure::NotSent, error.without_url()))?;
        let url = request.url().clone();
        let answer = self.0.execute(request).await.map_err(explain_reqwest)?;
        if *answer.url() != url {
            return Err(TransportError::new(Failure::Redirected));
        }
        Ok(answer.into())
    }
}

impl AsyncTransport for ReqwestTransport {
    fn send(&self, request: Request<Vec<u8>>) -> Answer<'_> {
        Box::pin(self.run(request))
    }
}

fn explain_reqwest(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    if error.is_redirect() {
        return TransportError::with_source(Failure::Redirected, error);
    }
    if error.is_timeout() && !error.is_connect() {
        return TransportError::with_source(Failure::TimedOut, error);
    }
    explain(error)
}
