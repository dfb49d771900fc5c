//! A connection with TLS, for `ureq`.

use std::fmt;
use std::io::{self, Read, Write};
use std::time::Instant;

use rustls::{ClientConnection, StreamOwned};
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

use super::connector::{Opening, not_opened};
use crate::http::TransportError;
use crate::http::tls::{Tls, is_judged, rustls_error};

pub(super) struct TlsConnection {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
    tls: Tls,
    has_received: bool,
}

impl TlsConnection {
    /// Makes the handshake.
    pub(super) fn open(
        tls: &Tls,
        mut connection: ClientConnection,
        mut socket: TransportAdapter,
        opening: &Opening<'_>,
    ) -> Result<Self, TransportError> {
        let begun = Instant::now();
        let handshake = connection.complete_io(&mut socket);
        handshake.map_err(|error| not_opened(error, tls))?;
        if let Some(longest) = tls.judgement(&connection, begun.elapsed()) {
            socket.set_timeout(opening.timeout_within(longest));
            await_judgement(tls, &mut connection, &mut socket)?;
        }
        let (input, output) = opening.buffer_sizes();
        Ok(Self {
            buffers: LazyBuffers::new(input, output),
            stream: StreamOwned::new(connection, socket),
            tls: tls.clone(),
            has_received: false,
        })
    }

    /// Names the refusal of a client certificate. Once the vault has accepted the handshake, an alert says nothing
    /// about the request.
    fn explain(&self, error: io::Error) -> Error {
        if is_judged(&self.stream.conn) || self.has_received {
            return Error::from(error);
        }
        match rustls_error(&error).and_then(|tls| self.tls.refusal(tls)) {
            Some(refusal) => Error::Other(Box::new(refusal)),
            None => Error::from(error),
        }
    }
}

/// Waits until the vault has accepted or refused the client's certificate, or for the time of the socket.
fn await_judgement(
    tls: &Tls,
    connection: &mut ClientConnection,
    socket: &mut TransportAdapter,
) -> Result<(), TransportError> {
    while !is_judged(connection) {
        match connection.read_tls(socket).map_err(Error::from) {
            Ok(0) => return Err(tls.explain(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => {}
            Err(Error::Timeout(_)) => return Ok(()),
            Err(error) => return Err(not_opened(error.into_io(), tls)),
        }
        let processed = connection.process_new_packets().map(drop);
        processed
            .map_err(|error| tls.explain(io::Error::new(io::ErrorKind::InvalidData, error)))?;
    }
    Ok(())
}

impl Transport for TlsConnection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.sock.set_timeout(timeout);
        let output = &self.buffers.output()[..amount];
        let sent = self.stream.write_all(output);
        sent.map_err(|error| self.explain(error))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.sock.set_timeout(timeout);
        let input = self.buffers.input_append_buf();
        let received = self.stream.read(input);
        let amount = received.map_err(|error| self.explain(error))?;
        self.has_received |= amount > 0;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for TlsConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsConnection")
    }
}
