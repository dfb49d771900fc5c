//! TLS for the vault's connections. The certificate and its key can be replaced while the vault serves.

mod chain;
mod pair;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::problem::Problem;

pub(crate) use pair::Pair;

/// The files of a certificate chain and its private key, both PEM.
#[derive(Clone, Debug)]
pub(crate) struct CertificateFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// TLS 1.2 and 1.3 with the pair that was loaded last.
pub(crate) struct Tls {
    files: CertificateFiles,
    current: Arc<Current>,
    acceptor: TlsAcceptor,
}

impl Tls {
    /// Loads the pair.
    pub(crate) fn load(files: CertificateFiles) -> Result<Self, Problem> {
        let current = Arc::new(Current(RwLock::new(Pair::load(&files)?)));
        let config = config(Arc::clone(&current)).map_err(|error| {
            let remedy = "this is a fault of the vault: report it";
            Problem::new("TLS", format_args!("cannot be set up: {error}"), remedy)
        })?;
        Ok(Self {
            files,
            current,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }

    /// Loads the pair again, for connections that begin from now on. After an error the old pair stays.
    pub(crate) fn reload(&self) -> Result<(), Problem> {
        let pair = Pair::load(&self.files)?;
        *self
            .current
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner) = pair;
        Ok(())
    }

    /// Returns the end of the current certificate's validity.
    pub(crate) fn expires_at(&self) -> Timestamp {
        self.current.read(|pair| pair.validity().until)
    }

    /// Returns the flaws of the current chain that some clients overlook.
    pub(crate) fn warnings(&self, now: Timestamp) -> Vec<Problem> {
        self.current.read(|pair| pair.warnings(&self.files, now))
    }

    /// Makes the handshake of a connection.
    pub(crate) fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        socket: S,
    ) -> impl Future<Output = io::Result<TlsStream<S>>> + use<S> {
        self.acceptor.accept(socket)
    }
}

/// The pair for new connections.
struct Current(RwLock<Pair>);

impl Current {
    fn read<T>(&self, read: impl FnOnce(&Pair) -> T) -> T {
        read(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.read(Pair::certified_key))
    }
}

impl std::fmt::Debug for Current {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Current")
    }
}

fn config(current: Arc<Current>) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(current);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Sessions of any number of clients resume without memory here. The keys change every six hours.
    config.ticketer = Ticketer::new()?;
    Ok(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(default_provider())
}
