//! Connects to the vault, through a proxy if there is one, and with one TLS configuration for all connections.
//!
//! The connectors of `ureq` have other steps: they make a TLS configuration for each connection of a request
//! with a timeout of its own, and count what was sent to a proxy as sent to the vault.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use http::Uri;
use ureq::Error;
use ureq::unversioned::transport::time::Duration as Time;
use ureq::unversioned::transport::{
    ConnectionDetails, Connector, NextTimeout, TcpConnector, Transport, TransportAdapter,
};

use super::connection::Wiped;
use super::progress::Progress;
use super::tls::TlsConnection;
use crate::http::proxy::{Problem, Proxy, Reply};
use crate::http::tls::Tls;
use crate::http::{Failure, TransportError};

/// The settings of the connections.
#[derive(Debug)]
pub(super) struct VaultConnector {
    pub(super) tcp: TcpConnector,
    pub(super) proxy: Option<Proxy>,
    /// The TLS to the vault, and to a proxy that wants it.
    pub(super) tls: Option<Tls>,
}

impl Connector for VaultConnector {
    type Out = Wiped<Box<dyn Transport>>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let opening = Opening {
            details,
            begun: Instant::now(),
        };
        // The resolver returns the addresses of the proxy if there is one.
        let Some(tcp) = self.tcp.connect(details, None::<()>)? else {
            return Ok(None);
        };
        let stream = self.secure(&opening, tcp.boxed());
        let stream = stream.map_err(|error| Error::Other(Box::new(error)))?;
        Progress::note(|progress| progress.connected = true);
        Ok(Some(Wiped::new(stream)))
    }
}

impl VaultConnector {
    /// Makes the tunnel and the TLS that are set.
    fn secure(
        &self,
        opening: &Opening<'_>,
        mut stream: Box<dyn Transport>,
    ) -> Result<Box<dyn Transport>, TransportError> {
        if let Some(proxy) = &self.proxy {
            if let Some(tls) = self.tls.as_ref().filter(|_| proxy.is_https()) {
                stream = opening.tls(&tls.for_proxy(), proxy.uri(), stream)?;
            }
            stream = opening.tunnel(proxy, stream)?;
        }
        match &self.tls {
            Some(tls) => opening.tls(tls, opening.details.uri, stream),
            None => Ok(stream),
        }
    }
}

/// A connection that is being opened.
pub(super) struct Opening<'a> {
    details: &'a ConnectionDetails<'a>,
    begun: Instant,
}

impl Opening<'_> {
    /// Returns the time that is left.
    fn timeout(&self) -> NextTimeout {
        let after = match self.details.timeout.after {
            Time::Exact(after) => Time::Exact(after.saturating_sub(self.begun.elapsed())),
            endless => endless,
        };
        NextTimeout {
            after,
            ..self.details.timeout
        }
    }

    /// Returns the shorter of this time and the time that is left.
    pub(super) fn timeout_within(&self, longest: Duration) -> NextTimeout {
        let timeout = self.timeout();
        NextTimeout {
            after: timeout.after.min(Time::Exact(longest)),
            ..timeout
        }
    }

    /// Returns a stream as a reader and writer that observes the time that is left.
    fn adapt(&self, stream: Box<dyn Transport>) -> TransportAdapter {
        let mut socket = TransportAdapter::new(stream, self.details.current_time.clone());
        socket.set_timeout(self.timeout());
        socket
    }

    fn tls(
        &self,
        tls: &Tls,
        uri: &Uri,
        stream: Box<dyn Transport>,
    ) -> Result<Box<dyn Transport>, TransportError> {
        let connection = tls.connection(uri.host().unwrap_or_default())?;
        let socket = self.adapt(stream);
        let secured = TlsConnection::open(tls, connection, socket, self)?;
        Ok(secured.boxed())
    }

    pub(super) fn buffer_sizes(&self) -> (usize, usize) {
        let config = self.details.config;
        (config.input_buffer_size(), config.output_buffer_size())
    }

    fn tunnel(
        &self,
        proxy: &Proxy,
        stream: Box<dyn Transport>,
    ) -> Result<Box<dyn Transport>, TransportError> {
        let vault = self.details.uri;
        let request = proxy.request(
            vault.host().unwrap_or_default(),
            vault.port_u16().unwrap_or(443),
        );
        let mut socket = self.adapt(stream);
        let lost = |error: std::io::Error| match Error::from(error) {
            Error::Timeout(_) => TransportError::from(Problem::Silent),
            _ => TransportError::from(Problem::Closed),
        };
        socket.write_all(&request).map_err(lost)?;
        let (mut reply, mut piece) = (Reply::default(), [0; 1024]);
        loop {
            let count = socket.read(&mut piece).map_err(lost)?;
            match reply.add(&piece[..count]) {
                Ok(true) => return Ok(socket.into_inner()),
                Ok(false) => {}
                Err(problem) => return Err(problem.into()),
            }
        }
    }
}

/// Returns the failure that a connector put into an error of `ureq`.
pub(super) fn failure_of(error: &Error) -> Option<TransportError> {
    let Error::Other(cause) = error else {
        return None;
    };
    let failure: &TransportError = cause.downcast_ref()?;
    Some(failure.clone())
}

/// Returns the error of a connection that could not be opened: a timeout stays one.
pub(super) fn not_opened(error: std::io::Error, tls: &Tls) -> TransportError {
    match Error::from(error) {
        Error::Io(error) => tls.explain(error),
        error => TransportError::with_source(Failure::NotSent, error),
    }
}
