//! The default transport: `ureq` with rustls. Every limit is set, since `ureq` has no defaults; it follows no
//! redirect and has no decompression compiled in.

mod agent;
mod connection;
mod connector;
mod progress;
mod ready;
mod resolver;
mod tls;

use std::error::Error as StdError;
use std::io::{self, ErrorKind, Read};
use std::time::Duration;

use helvetisafe_proto::BaseUrl;
use http::{Request, Response, Uri};
use ureq::config::{AutoHeaderValue, Config};
use ureq::unversioned::transport::TcpConnector;
use ureq::{Agent, AsSendBody, Timeout};
use zeroize::Zeroizing;

use super::framing::TooMuchFraming;
use super::informational::TooManyInformational;
use super::tls::{Tls, rustls_error};
use super::{
    AttemptLimits, ConnectionSettings, Failure, Late, Transport, TransportError, check_timeouts,
};
use crate::config_error::ConfigError;
use crate::limits::Timeouts;
use connector::{VaultConnector, failure_of};
use progress::Progress;
use ready::ReadyConnector;
use resolver::CachingResolver;

/// The most idle connections: enough for many threads that share one client.
const MAX_IDLE: usize = 64;
/// The bytes of one connection's buffers: a request with its headers, and a piece of an answer.
const BUFFER: usize = 32 * 1024;
/// The first allocation for a body without an announced length.
const FIRST_BODY: usize = 4096;

pub(crate) struct UreqTransport {
    agent: Agent,
    resolver: CachingResolver,
    timeouts: Timeouts,
    /// The base URL, to open connections ahead; `None` if it is no URI of the library.
    vault: Option<Uri>,
    /// The address of the proxy to the vault.
    proxy: Option<Uri>,
    /// The connections note the progress of a request.
    sees_progress: bool,
}

impl UreqTransport {
    pub(crate) fn new(
        base: &BaseUrl,
        timeouts: &Timeouts,
        settings: &ConnectionSettings,
    ) -> Result<Self, ConfigError> {
        let proxy = settings.proxy.for_vault(base)?;
        let tls = Tls::for_vault(base, &settings.tls)?;
        let config = Config::builder()
            // The connector knows it.
            .proxy(None)
            .max_idle_connections(MAX_IDLE)
            .max_idle_connections_per_host(MAX_IDLE)
            .input_buffer_size(BUFFER)
            .output_buffer_size(BUFFER)
            .build();
        let proxy_uri = proxy.as_ref().map(|proxy| proxy.uri().clone());
        let resolver = CachingResolver::new(proxy_uri.clone());
        let connector = ReadyConnector::new(VaultConnector {
            tcp: TcpConnector::default(),
            proxy,
            tls,
        });
        Ok(Self {
            agent: Agent::with_parts(config, connector, resolver.clone()),
            resolver,
            timeouts: *timeouts,
            vault: base.to_string().parse().ok(),
            proxy: proxy_uri,
            sees_progress: true,
        })
    }

    /// Sends through an agent of the application.
    pub(crate) fn with_agent(agent: Agent, timeouts: &Timeouts) -> Self {
        Self {
            agent,
            resolver: CachingResolver::default(),
            timeouts: *timeouts,
            vault: None,
            proxy: None,
            sees_progress: false,
        }
    }

    /// Opens a connection for a later request, which reports a failure if it cannot open its own either.
    pub(crate) fn open_connection(&self) {
        let vault = self.vault.clone();
        let Some(vault) = vault.filter(|_| check_timeouts(&self.timeouts).is_ok()) else {
            return;
        };
        let mut request = Request::new(());
        *request.uri_mut() = vault;
        let request = self.agent.configure_request(request);
        let request = request
            // With another agent it takes no pooled connection, on which it would be sent.
            .user_agent("")
            .timeout_connect(Some(self.timeouts.connect))
            .timeout_global(Some(self.timeouts.attempt));
        Progress::begin();
        Progress::note(|progress| progress.is_ahead = true);
        let _ = self.agent.run(request.build());
        Progress::begin();
    }

    fn run(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, ureq::Error> {
        let limits = AttemptLimits::of(request);
        let answer = if request.body().is_empty() {
            self.run_limited(with_body(request, ()), limits.time)?
        } else {
            self.run_limited(with_body(request, request.body()), limits.time)?
        };
        Progress::note(|progress| progress.answered = true);
        read(answer, limits.body)
    }

    /// Runs a request with all limits, whatever those of the agent are.
    fn run_limited<B: AsSendBody>(
        &self,
        request: Request<B>,
        time: Duration,
    ) -> Result<Response<ureq::Body>, ureq::Error> {
        let request = self
            .agent
            .configure_request(request)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .accept_encoding(AutoHeaderValue::None)
            .timeout_connect(Some(self.timeouts.connect))
            .timeout_per_read(Some(self.timeouts.silence))
            .timeout_per_write(Some(self.timeouts.silence))
            .timeout_global(Some(time));
        self.agent.run(request.build())
    }
}

impl Transport for UreqTransport {
    fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        check_timeouts(&self.timeouts)?;
        Progress::begin();
        let answer = if self.sees_progress {
            self.run(request)
        } else {
            Progress::note(|progress| (progress.connected, progress.sent) = (true, true));
            agent::without_panics_of_tls(|| self.run(request))?
        };
        answer.map_err(|error| {
            let time = AttemptLimits::of(request).time;
            let error = self.explain(Progress::current(), error, time);
            if error.failure() == Failure::NotSent {
                self.resolver.forget();
            }
            error
        })
    }
}

impl UreqTransport {
    /// Explains an error of an attempt with this time.
    fn explain(&self, progress: Progress, error: ureq::Error, time: Duration) -> TransportError {
        let late = match &error {
            ureq::Error::Timeout(Timeout::PerRead | Timeout::PerWrite) => {
                Some(Late::Silence(self.timeouts.silence))
            }
            ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
                Some(Late::Connect(self.timeouts.connect))
            }
            ureq::Error::Timeout(_) => Some(Late::Attempt(time)),
            _ => None,
        };
        let explained = explain(progress, error);
        let explained = match late {
            Some(late) => TransportError::with_source(explained.failure(), late),
            None => explained,
        };
        explained.through(self.proxy.as_ref())
    }
}

/// Returns true for the error of an answer whose head is too large.
pub(super) fn is_large_head(error: &(dyn StdError + Send + Sync + 'static)) -> bool {
    matches!(
        error.downcast_ref(),
        Some(ureq::Error::LargeResponseHeader(..))
    )
}

/// Returns the request with another body; a `GET` must have none at all.
fn with_body<B>(request: &Request<Vec<u8>>, body: B) -> Request<B> {
    let mut copy = Request::new(body);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

/// Reads the whole body, unless its announced length is over the limit. A body of announced length takes one
/// allocation, so that no copy of a token is left behind. A partial body is wiped.
fn read(answer: Response<ureq::Body>, limit: usize) -> Result<Response<Vec<u8>>, ureq::Error> {
    let (parts, body) = answer.into_parts();
    let announced = body
        .content_length()
        .map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced.is_some_and(|length| length > limit) {
        return Err(ureq::Error::BodyExceedsLimit(limit as u64));
    }
    let capacity = announced.unwrap_or(FIRST_BODY).min(limit);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    let reader = body.into_with_config().limit(limit as u64).reader();
    Counted(reader).read_to_end(&mut bytes)?;
    Ok(Response::from_parts(parts, std::mem::take(&mut *bytes)))
}

/// A body that counts its bytes, to compare them with those of the connection.
struct Counted<R>(R);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.0.read(buffer)?;
        Progress::note(|progress| progress.framing.note_body(bytes));
        Ok(bytes)
    }
}

/// Classifies an error of the library by how far the request came.
fn explain(progress: Progress, error: ureq::Error) -> TransportError {
    use ureq::Error;
    if let Some(failure) = failure_of(&error) {
        return failure;
    }
    let broken = |failure| {
        if progress.sent {
            failure
        } else {
            Failure::NotSent
        }
    };
    let failure = match &error {
        Error::BodyExceedsLimit(_) | Error::LargeResponseHeader(..) => Failure::TooLarge,
        Error::Timeout(Timeout::Connect | Timeout::Resolve) => Failure::NotSent,
        Error::HostNotFound | Error::ConnectionFailed | Error::ConnectProxyFailed(_) => {
            Failure::NotSent
        }
        Error::Io(io) if io.kind() == ErrorKind::ConnectionRefused => Failure::NotSent,
        Error::Io(io) if is_untrusted(io) => Failure::Tls,
        Error::Timeout(_) => broken(Failure::TimedOut),
        Error::Io(io) if io.kind() == ErrorKind::InvalidData && !progress.sent => Failure::Tls,
        Error::Io(io) if io.kind() == ErrorKind::TimedOut => broken(Failure::TimedOut),
        Error::Io(_) if progress.is_dead_connection() => Failure::DeadConnection,
        Error::Io(_) | Error::BodyStalled => broken(Failure::Lost),
        Error::Rustls(_) | Error::Tls(_) | Error::Pem(_) | Error::TlsRequired => Failure::Tls,
        Error::Other(cause) if cause.is::<TooManyInformational>() => Failure::Malformed,
        Error::Other(cause) if cause.is::<TooMuchFraming>() => Failure::Malformed,
        Error::Protocol(_) | Error::Http(_) if progress.sent => Failure::Malformed,
        _ => broken(Failure::Lost),
    };
    TransportError::with_source(failure, error)
}

/// Returns true if a handshake failed because of the certificate of the vault.
fn is_untrusted(error: &io::Error) -> bool {
    matches!(
        rustls_error(error),
        Some(rustls::Error::InvalidCertificate(_))
    )
}
