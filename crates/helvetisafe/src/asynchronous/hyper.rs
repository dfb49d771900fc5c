//! The default asynchronous transport: `hyper` with rustls. It follows no redirect and has no
//! decompression compiled in.

mod connect;
mod explain;
mod pool;
mod progress;
mod tls;
mod veil;
mod wire;

use std::pin::pin;

use bytes::Bytes;
use helvetisafe_proto::BaseUrl;
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::ext::on_informational;
use tokio::time::{Instant, timeout, timeout_at};
use zeroize::Zeroizing;

use super::{Answer, AsyncTransport};
use crate::error::ConfigError;
use crate::limits::Timeouts;
use crate::transport::roots::Roots;
use crate::transport::{AttemptLimits, Failure, TransportError};
use connect::VaultConnector;
use explain::{broken, flooded, not_connected, timed_out};
use pool::{Link, Pool};
use progress::{Counter, Progress};
use veil::{Covered, Veil};
use wire::wipe;

/// Where the length of a body is not announced, the first allocation.
const FIRST_BODY: usize = 4096;

pub(super) struct HyperTransport {
    connector: VaultConnector,
    pool: Pool,
    timeouts: Timeouts,
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
            timeouts: *timeouts,
        })
    }

    async fn run(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        self.timeouts.check_connection()?;
        let limits = AttemptLimits::of(&request);
        let vault = request.uri().clone();
        // The body wipes itself when the last of its readers lets go.
        let mut request = request.map(|body| Full::new(Bytes::from_owner(Zeroizing::new(body))));
        into_origin_form(&mut request);
        let covered = Covered::take(request.headers_mut());
        let progress = Progress::new();
        let exchange = async {
            let sent = self.send_on_a_link(request, covered, &vault, &progress);
            let (mut link, answer) = sent.await?;
            let answer = self.read(&mut link, answer, limits.body, &progress).await?;
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
        covered: Option<Covered>,
        vault: &Uri,
        progress: &Progress,
    ) -> Result<(Link, Response<Incoming>), TransportError> {
        loop {
            let (mut link, is_kept) = match self.pool.take().await {
                Some(link) => (link, true),
                None => (self.connect(vault).await?, false),
            };
            progress.begin_on(&link.counter);
            link.veil.put(covered.clone());
            let counter = link.counter.clone();
            on_informational(&mut request, move |_| counter.note_informational());
            let sent = link.requests.try_send_request(request);
            let answered = self.unless_silent(link.wire.drive(sent), progress).await?;
            match answered {
                Ok(_) if progress.is_flooded() => return Err(flooded()),
                Ok(answer) => {
                    link.counter.note_answered();
                    return Ok((link, answer));
                }
                Err(mut error) => match error.take_message() {
                    Some(untouched) if is_kept => request = untouched,
                    _ => return Err(broken(progress, error.error())),
                },
            }
        }
    }

    async fn connect(&self, vault: &Uri) -> Result<Link, TransportError> {
        let (counter, veil) = (Counter::default(), Veil::default());
        let connecting = self
            .connector
            .connect(vault.clone(), counter.clone(), veil.clone());
        let stream = connecting.await.map_err(|cause| not_connected(&*cause))?;
        let link = Link::new(stream, counter, veil).await;
        link.map_err(|error| not_connected(&error))
    }

    async fn read(
        &self,
        link: &mut Link,
        answer: Response<Incoming>,
        limit: usize,
        progress: &Progress,
    ) -> Result<Response<Vec<u8>>, TransportError> {
        let (mut parts, mut body) = answer.into_parts();
        own(&mut parts.headers);
        let announced = body.size_hint().exact();
        let announced = announced.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
        if announced.is_some_and(|length| length > limit) {
            return Err(TransportError::new(Failure::TooLarge));
        }
        let capacity = announced.unwrap_or(FIRST_BODY).min(limit);
        let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
        loop {
            let frame = link.wire.drive(body.frame());
            let Some(frame) = self.unless_silent(frame, progress).await? else {
                break;
            };
            let frame = frame.map_err(|error| broken(progress, &error))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if data.len() > limit - bytes.len() {
                return Err(TransportError::new(Failure::TooLarge));
            }
            link.counter.note_body(data.len());
            bytes.extend_from_slice(&data);
            wipe(data);
        }
        Ok(Response::from_parts(parts, std::mem::take(&mut *bytes)))
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
            match timeout_at(heard + self.timeouts.silence, work.as_mut()).await {
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

/// Copies the values of headers out of the buffer in which they and the body were read, so that it can
/// be wiped.
fn own(headers: &mut HeaderMap) {
    for value in headers.values_mut() {
        if let Ok(copy) = HeaderValue::from_bytes(value.as_bytes()) {
            *value = copy;
        }
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
