//! The default transport: `ureq` with rustls. Every limit is set, since `ureq` has no defaults; it follows no
//! redirect and has no decompression compiled in.

mod connection;
mod progress;
mod ready;
mod resolver;
mod sharing;

use std::io::{self, ErrorKind, Read};

use helvetisafe_proto::BaseUrl;
use http::{Request, Response, Uri};
use ureq::config::Config;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::Connector;
use ureq::{Agent, Timeout};
use zeroize::Zeroizing;

use super::framing::TooMuchFraming;
use super::informational::TooManyInformational;
use super::proxy;
use super::roots::{Roots, Trust, platform_list, provider};
use super::{AttemptLimits, Failure, Transport, TransportError, check_timeouts};
use crate::config_error::ConfigError;
use crate::limits::Timeouts;
use connection::WipingConnector;
use progress::Progress;
use ready::ReadyConnector;
use resolver::CachingResolver;
use sharing::SharingConnector;

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
}

impl UreqTransport {
    pub(crate) fn new(
        base: &BaseUrl,
        timeouts: &Timeouts,
        roots: &Roots,
    ) -> Result<Self, ConfigError> {
        let config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(proxy::from_environment(base)?)
            .tls_config(tls_config(roots.trust(base)?))
            .timeout_connect(Some(timeouts.connect))
            .timeout_per_read(Some(timeouts.silence))
            .timeout_per_write(Some(timeouts.silence))
            .max_idle_connections(MAX_IDLE)
            .max_idle_connections_per_host(MAX_IDLE)
            .input_buffer_size(BUFFER)
            .output_buffer_size(BUFFER)
            .build();
        let connector = SharingConnector::default().chain(WipingConnector);
        let connector = ReadyConnector::new(connector);
        let resolver = CachingResolver::default();
        Ok(Self {
            agent: Agent::with_parts(config, connector, resolver.clone()),
            resolver,
            timeouts: *timeouts,
            vault: base.to_string().parse().ok(),
        })
    }

    /// Opens a connection for a later request, which reports a failure if it cannot open its own either.
    pub(crate) fn open_connection(&self) {
        let Some(vault) = self
            .vault
            .clone()
            .filter(|_| check_timeouts(&self.timeouts).is_ok())
        else {
            return;
        };
        let mut request = Request::new(());
        *request.uri_mut() = vault;
        let request = self.agent.configure_request(request);
        // With settings of its own it takes no pooled connection, on which it would be sent.
        let request = request
            .user_agent("")
            .timeout_global(Some(self.timeouts.attempt));
        Progress::begin();
        Progress::note(|progress| progress.is_ahead = true);
        let _ = self.agent.run(request.build());
        Progress::begin();
    }

    fn run(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, ureq::Error> {
        let limits = AttemptLimits::of(request);
        let answer = if request.body().is_empty() {
            let request = self.agent.configure_request(with_body(request, ()));
            self.agent
                .run(request.timeout_global(Some(limits.time)).build())?
        } else {
            let request = self
                .agent
                .configure_request(with_body(request, request.body()));
            self.agent
                .run(request.timeout_global(Some(limits.time)).build())?
        };
        Progress::note(|progress| progress.answered = true);
        read(answer, limits.body)
    }
}

impl Transport for UreqTransport {
    fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        check_timeouts(&self.timeouts)?;
        Progress::begin();
        self.run(request).map_err(|error| {
            if lacks_roots(&self.agent, &error) {
                return TransportError::with_source(Failure::Tls, ConfigError::NoSystemRoots);
            }
            let error = explain(Progress::current(), error);
            if error.failure() == Failure::NotSent {
                self.resolver.forget();
            }
            error
        })
    }
}

fn tls_config(trust: Trust) -> TlsConfig {
    let roots = match trust {
        #[cfg(feature = "platform-roots")]
        Trust::Platform => RootCerts::PlatformVerifier,
        Trust::Listed(certificates) => RootCerts::from(certificates),
    };
    TlsConfig::builder()
        .root_certs(roots)
        .unversioned_rustls_crypto_provider(provider())
        .build()
}

/// Returns true if TLS failed because the platform has no roots, which are read at their first use.
fn lacks_roots(agent: &Agent, error: &ureq::Error) -> bool {
    let roots = agent.config().tls_config().root_certs();
    matches!(
        (roots, error),
        (RootCerts::PlatformVerifier, ureq::Error::Rustls(_))
    ) && platform_list().is_empty()
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
