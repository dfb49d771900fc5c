//! The default asynchronous transport: `hyper-util` with rustls. It follows no redirect and has no
//! decompression compiled in.

mod connect;
mod progress;
mod tls;

use std::error::Error as StdError;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use helvetisafe_proto::BaseUrl;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout, timeout_at};
use zeroize::Zeroizing;

use super::{Answer, AsyncTransport};
use crate::builder::Timeouts;
use crate::error::ConfigError;
use crate::transport::roots::Roots;
use crate::transport::{AttemptLimits, Failure, TransportError};
use connect::VaultConnector;
use progress::Progress;

/// Connections that are kept for reuse.
const MAX_IDLE: usize = 64;
/// Bytes of the head of an answer, and of a piece of its body.
const BUFFER: usize = 64 * 1024;

pub(super) struct HyperTransport {
    client: Client<VaultConnector, Full<Bytes>>,
    silence: Duration,
}

impl HyperTransport {
    pub(super) fn new(
        base: &BaseUrl,
        timeouts: &Timeouts,
        roots: &Roots,
    ) -> Result<Self, ConfigError> {
        let connector = VaultConnector::new(base, timeouts.connect, roots)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(MAX_IDLE)
            .pool_timer(TokioTimer::new())
            .http1_max_buf_size(BUFFER)
            .build(connector);
        Ok(Self {
            client,
            silence: timeouts.silence,
        })
    }

    async fn run(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let limits = AttemptLimits::of(&request);
        // The body wipes itself when the last of its readers lets go.
        let mut request = request.map(|body| Full::new(Bytes::from_owner(Zeroizing::new(body))));
        let progress = Progress::new(capture_connection(&mut request));
        let exchange = async {
            let sent = self.client.request(request);
            let answer = self.unless_silent(sent, &progress).await?;
            let answer = answer.map_err(|error| explain(&progress, error))?;
            self.read(answer, limits.body, &progress).await
        };
        match timeout(limits.time, exchange).await {
            Ok(outcome) => outcome,
            Err(_) => Err(timed_out(&progress)),
        }
    }

    async fn read(
        &self,
        answer: Response<Incoming>,
        limit: usize,
        progress: &Progress,
    ) -> Result<Response<Vec<u8>>, TransportError> {
        let (parts, mut body) = answer.into_parts();
        let announced = hyper::body::Body::size_hint(&body).exact().unwrap_or(0);
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
        progress.complete();
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
                // Connecting has a limit of its own.
                Err(_) if !progress.is_connected() => heard = Instant::now(),
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

fn timed_out(progress: &Progress) -> TransportError {
    TransportError::new(if progress.sent() {
        Failure::TimedOut
    } else {
        Failure::NotSent
    })
}

/// What an error before the answer's body means for whether the request may be sent again.
fn explain(progress: &Progress, error: legacy::Error) -> TransportError {
    if error.is_connect() {
        let is_tls = causes(&error).any(|cause| cause.is::<rustls::Error>());
        return because(
            if is_tls {
                Failure::Tls
            } else {
                Failure::NotSent
            },
            &error,
        );
    }
    broken(progress, &error)
}

/// What an error on a connection means.
fn broken(progress: &Progress, error: &(dyn StdError + 'static)) -> TransportError {
    let is_no_http = |cause: &(dyn StdError + 'static)| {
        let hyper: Option<&hyper::Error> = cause.downcast_ref();
        hyper.is_some_and(hyper::Error::is_parse)
    };
    let failure = if !progress.sent() {
        Failure::NotSent
    } else if causes(error).any(is_no_http) {
        Failure::Malformed
    } else if progress.is_dead_connection() {
        Failure::DeadConnection
    } else {
        Failure::Lost
    };
    because(failure, error)
}

/// The innermost cause says what happened; those around it, where in the library.
fn because(failure: Failure, error: &(dyn StdError + 'static)) -> TransportError {
    let cause = causes(error).last().map(ToString::to_string);
    TransportError::with_source(failure, cause.unwrap_or_default())
}

/// An error and what is within it. The source of an I/O error is the source of what it wraps, which
/// would be passed over.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let io: Option<&std::io::Error> = error.downcast_ref();
        match io.and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn StdError + 'static)),
            None => error.source(),
        }
    })
}
