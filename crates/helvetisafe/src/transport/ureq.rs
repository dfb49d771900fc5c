//! The default transport: `ureq` with rustls. All its limits are set, since it has none of its own;
//! it follows no redirect and has no decompression compiled in.

mod progress;
mod resolver;
mod tls;

use std::env;
use std::io::{ErrorKind, Read};
use std::time::Duration;

use helvetisafe_proto::BaseUrl;
use http::{Request, Response};
use ureq::config::Config;
use ureq::unversioned::transport::{Connector, DefaultConnector};
use ureq::{Agent, Proxy, Timeout};

use super::{AttemptLimits, Failure, Transport, TransportError};
use crate::builder::Timeouts;
use crate::error::ConfigError;
use progress::{Progress, ProgressConnector};
use resolver::KeepingResolver;

pub(crate) use tls::Roots;

/// Connections that are kept for reuse, so that many threads share one client well.
const MAX_IDLE: usize = 64;
/// Bytes of one connection's buffers: a request with its headers, and a piece of an answer.
const BUFFER: usize = 32 * 1024;
/// Where the length of a body is not announced, the first allocation.
const FIRST_BODY: usize = 4096;

pub(crate) struct UreqTransport {
    agent: Agent,
    resolver: KeepingResolver,
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
            .proxy(proxy(base, |name| env::var(name).ok())?)
            .tls_config(roots.to_config().map_err(|_| ConfigError::Certificate)?)
            .timeout_connect(Some(timeouts.connect))
            .timeout_per_read(Some(timeouts.silence))
            .timeout_per_write(Some(timeouts.silence))
            .max_idle_connections(MAX_IDLE)
            .max_idle_connections_per_host(MAX_IDLE)
            .input_buffer_size(BUFFER)
            .output_buffer_size(BUFFER)
            .build();
        let connector = DefaultConnector::new().chain(ProgressConnector);
        let resolver = KeepingResolver::default();
        Ok(Self {
            agent: Agent::with_parts(config, connector, resolver.clone()),
            resolver,
        })
    }

    fn run(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, ureq::Error> {
        let limits = limits(request);
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
        read(answer, limits.body)
    }
}

impl Transport for UreqTransport {
    fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        Progress::begin();
        self.run(request).map_err(|error| {
            let error = explain(Progress::current(), error);
            if error.failure() == Failure::NotSent {
                self.resolver.forget();
            }
            error
        })
    }
}

fn limits(request: &Request<Vec<u8>>) -> AttemptLimits {
    let default = AttemptLimits {
        time: Duration::from_secs(10),
        body: 1 << 20,
    };
    request.extensions().get().copied().unwrap_or(default)
}

/// The same request with another body; a `GET` must have none at all.
fn with_body<B>(request: &Request<Vec<u8>>, body: B) -> Request<B> {
    let mut copy = Request::new(body);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

/// Reads the whole body, unless a larger one than allowed is announced, in one allocation where its length is announced, so that a token in it is
/// not left behind in a smaller one.
fn read(answer: Response<ureq::Body>, limit: usize) -> Result<Response<Vec<u8>>, ureq::Error> {
    let (parts, body) = answer.into_parts();
    let announced = body
        .content_length()
        .map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced.is_some_and(|length| length > limit) {
        return Err(ureq::Error::BodyExceedsLimit(limit as u64));
    }
    let mut bytes = Vec::with_capacity(announced.unwrap_or(FIRST_BODY).min(limit));
    let mut reader = body.into_with_config().limit(limit as u64).reader();
    reader.read_to_end(&mut bytes)?;
    Ok(Response::from_parts(parts, bytes))
}

/// What an error of the library means for whether the request may be sent again.
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
        Error::Protocol(_) | Error::Http(_) if progress.sent => Failure::Malformed,
        _ => broken(Failure::Lost),
    };
    TransportError::with_source(failure, error)
}

/// `HTTPS_PROXY` with `NO_PROXY`, for https alone; a loopback address is never proxied.
fn proxy(
    base: &BaseUrl,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, ConfigError> {
    let either = |one, other| {
        [one, other]
            .into_iter()
            .filter_map(&variable)
            .find(|text| !text.is_empty())
    };
    let Some(url) = either("HTTPS_PROXY", "https_proxy").filter(|_| !base.is_loopback()) else {
        return Ok(None);
    };
    let exceptions = either("NO_PROXY", "no_proxy").unwrap_or_default();
    parse_proxy(&url, &exceptions)
        .map(Some)
        .map_err(|_| ConfigError::Proxy)
}

fn parse_proxy(url: &str, exceptions: &str) -> Result<Proxy, ureq::Error> {
    let proxy = Proxy::new(url)?;
    let mut builder = Proxy::builder(proxy.protocol())
        .host(proxy.host())
        .port(proxy.port());
    if let Some(user) = proxy.username() {
        builder = builder.username(user);
    }
    if let Some(password) = proxy.password() {
        builder = builder.password(password);
    }
    for exception in exceptions
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        builder = builder.no_proxy(exception);
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_of(url: &str, variables: &[(&str, &str)]) -> Result<Option<Proxy>, ConfigError> {
        let value = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        proxy(&BaseUrl::parse(url).unwrap(), value)
    }

    #[test]
    fn a_proxy_is_taken_from_the_environment_for_https() {
        let variables = [
            ("HTTPS_PROXY", "http://u:p@proxy.example:3128"),
            ("NO_PROXY", "a.example, .b.example"),
        ];
        let found = proxy_of("https://vault.example", &variables)
            .unwrap()
            .unwrap();
        assert_eq!((found.host(), found.port()), ("proxy.example", 3128));
        assert_eq!((found.username(), found.password()), (Some("u"), Some("p")));
        for (url, is_exception) in [
            ("https://a.example", true),
            ("https://x.b.example", true),
            ("https://vault.example", false),
        ] {
            assert_eq!(
                found.is_no_proxy(&url.parse().unwrap()),
                is_exception,
                "{url}"
            );
        }
        let lower = [
            ("HTTPS_PROXY", ""),
            ("https_proxy", "http://other.example:1"),
        ];
        let found = proxy_of("https://vault.example", &lower).unwrap().unwrap();
        assert_eq!(found.host(), "other.example");
    }

    #[test]
    fn this_machine_is_never_proxied() {
        let variables = [("HTTPS_PROXY", "http://proxy.example:3128")];
        for url in [
            "http://127.0.0.1:8200",
            "https://localhost:8200",
            "https://[::1]:8200",
        ] {
            assert!(proxy_of(url, &variables).unwrap().is_none(), "{url}");
        }
        assert!(proxy_of("https://vault.example", &[]).unwrap().is_none());
    }

    #[test]
    fn a_proxy_that_cannot_be_read_is_refused_and_not_shown() {
        for bad in ["canary://proxy", "http://", ":::canary"] {
            let error = proxy_of("https://vault.example", &[("HTTPS_PROXY", bad)])
                .err()
                .unwrap();
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
