//! The default asynchronous transport: `hyper` with rustls. It follows no redirect and has no
//! decompression compiled in.

mod connect;
mod explain;
mod header_mask;
mod pool;
mod progress;
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

use super::{
    Answer, AsyncTransport, AttemptLimits, ConnectionSettings, Failure, Late, TransportError,
    check_timeouts,
};
use crate::config_error::ConfigError;
use crate::limits::Timeouts;
use connect::VaultConnector;
use explain::{flooded, not_connected, timed_out};
use header_mask::{HeaderMask, MaskedHeader};
use pool::{Link, Pool};
use progress::{Counter, Progress};
use wire::wipe;

/// The first allocation for a body without an announced length.
const FIRST_BODY: usize = 4096;

pub(crate) struct HyperTransport {
    connector: VaultConnector,
    pool: Pool,
    timeouts: Timeouts,
    /// The base URL, to open connections ahead; `None` if it is no URI of the library.
    vault: Option<Uri>,
}

impl HyperTransport {
    pub(crate) fn new(
        base: &BaseUrl,
        timeouts: &Timeouts,
        settings: &ConnectionSettings,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            connector: VaultConnector::new(base, timeouts.connect, settings)?,
            pool: Pool::default(),
            timeouts: *timeouts,
            vault: base.to_string().parse().ok(),
        })
    }

    /// Opens a connection for a later request, which reports a failure if it cannot open its own either.
    pub(crate) async fn open_connection(&self) {
        let vault = self.vault.as_ref();
        let Some(vault) = vault.filter(|_| check_timeouts(&self.timeouts).is_ok()) else {
            return;
        };
        if let Ok(link) = self.connect(vault).await {
            self.pool.put_back(link);
        }
    }

    async fn run(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        check_timeouts(&self.timeouts)?;
        let limits = AttemptLimits::of(&request);
        let vault = request.uri().clone();
        // The body is wiped when its last reader drops it.
        let mut request = request.map(|body| Full::new(Bytes::from_owner(Zeroizing::new(body))));
        into_origin_form(&mut request);
        let masked = MaskedHeader::take(request.headers_mut());
        let progress = Progress::new();
        let exchange = async {
            let sent = self.send_on_a_link(request, masked, &vault, &progress);
            let (mut link, answer) = sent.await?;
            let answer = self.read(&mut link, answer, limits.body, &progress).await?;
            self.pool.put_back(link);
            Ok(answer)
        };
        match timeout(limits.time, exchange).await {
            Ok(outcome) => outcome,
            Err(_) => Err(timed_out(&progress, Late::Attempt(limits.time))),
        }
    }

    /// Sends on a pooled connection, or a new one. A pooled one that turns out to be closed before it took
    /// the request is skipped.
    async fn send_on_a_link(
        &self,
        mut request: Request<Full<Bytes>>,
        masked: Option<MaskedHeader>,
        vault: &Uri,
        progress: &Progress,
    ) -> Result<(Link, Response<Incoming>), TransportError> {
        loop {
            let (mut link, is_pooled) = match self.pool.take().await {
                Some(link) => (link, true),
                None => (self.connect(vault).await?, false),
            };
            progress.begin_on(&link.counter);
            link.mask.put(masked.clone());
            let counter = link.counter.clone();
            on_informational(&mut request, move |_| counter.note_informational());
            let sent = link.requests.try_send_request(request);
            let answered = self.until_silent(link.wire.drive(sent), progress).await?;
            match answered {
                Ok(_) if progress.is_flooded() => return Err(flooded()),
                Ok(answer) => {
                    link.counter.note_answered();
                    return Ok((link, answer));
                }
                Err(mut error) => match error.take_message() {
                    Some(untouched) if is_pooled => request = untouched,
                    _ => return Err(self.connector.explain(progress, error.error())),
                },
            }
        }
    }

    async fn connect(&self, vault: &Uri) -> Result<Link, TransportError> {
        let (counter, mask) = (Counter::default(), HeaderMask::default());
        let connecting = self
            .connector
            .connect(vault.clone(), counter.clone(), mask.clone());
        let stream = connecting.await?;
        let link = Link::new(stream, counter, mask).await;
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
            let Some(frame) = self.until_silent(frame, progress).await? else {
                break;
            };
            let frame = frame.map_err(|error| self.connector.explain(progress, &error))?;
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

    /// Waits for `work` while bytes are sent or received.
    async fn until_silent<T>(
        &self,
        work: impl Future<Output = T>,
        progress: &Progress,
    ) -> Result<T, TransportError> {
        let mut work = pin!(work);
        let mut last_byte = Instant::now();
        loop {
            match timeout_at(last_byte + self.timeouts.silence, work.as_mut()).await {
                Ok(value) => return Ok(value),
                Err(_) if progress.last_byte() > last_byte => last_byte = progress.last_byte(),
                Err(_) => {
                    let late = Late::Silence(self.timeouts.silence);
                    return Err(timed_out(progress, late));
                }
            }
        }
    }
}

impl AsyncTransport for HyperTransport {
    fn send(&self, request: Request<Vec<u8>>) -> Answer<'_> {
        let proxy = self.connector.proxy();
        Box::pin(async move {
            let outcome = self.run(request).await;
            outcome.map_err(|error| error.through(proxy))
        })
    }
}

/// Copies the values of headers out of the read buffer, so that the buffer can be wiped.
fn own(headers: &mut HeaderMap) {
    for value in headers.values_mut() {
        if let Ok(copy) = HeaderValue::from_bytes(value.as_bytes()) {
            *value = copy;
        }
    }
}

/// Puts the request target into the form for a server, also behind a tunnel: RFC 9112, section 3.2.1.
fn into_origin_form<B>(request: &mut Request<B>) {
    let host = request.uri().authority().map(|host| host.as_str());
    if let Some(Ok(host)) = host.map(HeaderValue::from_str) {
        request.headers_mut().entry(HOST).or_insert(host);
    }
    if let Some(path) = request.uri().path_and_query().cloned() {
        *request.uri_mut() = Uri::from(path);
    }
}
