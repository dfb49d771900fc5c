//! The default asynchronous transport: `hyper` with rustls. It follows no redirect and has no
//! decompression compiled in.

mod connect;
mod explain;
mod pool;
mod progress;
mod tls;

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use helvetisafe_proto::BaseUrl;
use http::header::HOST;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout, timeout_at};
use zeroize::Zeroizing;

use super::{Answer, AsyncTransport};
use crate::error::ConfigError;
use crate::limits::Timeouts;
use crate::transport::roots::Roots;
use crate::transport::{AttemptLimits, Failure, TransportError};
use connect::VaultConnector;
use explain::{broken, not_connected, timed_out};
use pool::{Link, Pool};
use progress::Progress;

pub(super) struct HyperTransport {
    connector: VaultConnector,
    pool: Pool,
    silence: Duration,
}

impl HyperTransport {
    pub(super) fn new(
        base: &BaseUrl,
        timeouts: &Timeouts,
        roots: &Roots,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            connector: VaultConnector::new(base, timeouts.connect, roots)?,
            pool: Pool::default(),
            silence: timeouts.silence,
        })
    }

    async fn run(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let limits = AttemptLimits::of(&request);
        let vault = request.uri().clone();
        // The body wipes itself when the last of its readers lets go.
        let mut request = request.map(|body| Full::new(Bytes::from_owner(Zeroizing::new(body))));
        into_origin_form(&mut request);
        let progress = Progress::new();
        let exchange = async {
            let (link, answer) = self.send_on_a_link(request, &vault, &progress).await?;
            let answer = self.read(answer, limits.body, &progress).await?;
            self.pool.keep(link);
            Ok(answer)
        };
        match timeout(limits.time, exchange).await {
            Ok(outcome) => outcome,
            Err(_) => Err(timed_out(&progress)),
        }
    }

    /// Sends on a kept connection, or a new one. A kept one that turns out to be closed before it
    /// took the request is passed over.
    async fn send_on_a_link(
        &self,
        mut request: Request<Full<Bytes>>,
        vault: &Uri,
        progress: &Progress,
    ) -> Result<(Link, Response<Incoming>), TransportError> {
        loop {
            let (mut link, is_kept) = match self.pool.take().await {
                Some(link) => (link, true),
                None => (self.connect(vault).await?, false),
            };
            progress.begin_on(&link.counter);
            let sent = link.requests.try_send_request(request);
            match self.unless_silent(sent, progress).await? {
                Ok(answer) => return Ok((link, answer)),
                Err(mut error) => match error.take_message() {
                    Some(untouched) if is_kept => request = untouched,
                    _ => return Err(broken(progress, error.error())),
                },
            }
        }
    }

    async fn connect(&self, vault: &Uri) -> Result<Link, TransportError> {
        let connected = self.connector.connect(vault.clone()).await;
        let (stream, counter) = connected.map_err(|cause| not_connected(&*cause))?;
        let link = Link::new(stream, counter).await;
        link.map_err(|error| not_connected(&error))
    }

    async fn read(
        &self,
        answer: Response<Incoming>,
        limit: usize,
        progress: &Progress,
    ) -> Result<Response<Vec<u8>>, TransportError> {
        let (parts, mut body) = answer.into_parts();
        let announced = body.size_hint().exact().unwrap_or(0);
        let announced = usize::try_from(announced).unwrap_or(usize::MAX);
        if announced > limit {
            return Err(TransportError::new(Failure::TooLarge));
        }
        let mut bytes = Vec::with_capacity(announced);
        while let Some(frame) = self.unless_silent(body.frame(), progress).await? {
            let frame = frame.map_err(|error| broken(progress, &error))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if data.len() > limit - bytes.len() {
                return Err(TransportError::new(Failure::TooLarge));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Response::from_parts(parts, bytes))
    }

    /// Waits for `work` as long as bytes go to and fro.
    async fn unless_silent<T>(
        &self,
        work: impl Future<Output = T>,
        progress: &Progress,
    ) -> Result<T, TransportError> {
        let mut work = pin!(work);
        let mut heard = Instant::now();
        loop {
            match timeout_at(heard + self.silence, work.as_mut()).await {
                Ok(value) => return Ok(value),
                Err(_) if progress.last_byte() > heard => heard = progress.last_byte(),
                Err(_) => return Err(timed_out(progress)),
            }
        }
    }
}

impl AsyncTransport for HyperTransport {
    fn send(&self, request: Request<Vec<u8>>) -> Answer<'_> {
        Box::pin(self.run(request))
    }
}

/// The form in which a server, also one behind a tunnel, is asked: RFC 9112, section 3.2.1.
fn into_origin_form<B>(request: &mut Request<B>) {
    let host = request.uri().authority().map(|host| host.as_str());
    if let Some(Ok(host)) = host.map(HeaderValue::from_str) {
        request.headers_mut().entry(HOST).or_insert(host);
    }
    if let Some(path) = request.uri().path_and_query().cloned() {
        *request.uri_mut() = Uri::from(path);
    }
}
