//! The TLS of the connections to one vault, the same for both default transports.

mod client_certificate;

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use helvetisafe_proto::BaseUrl;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion,
    SignatureScheme,
};

use super::no_tls::{NoTls, is_other_protocol};
use super::roots::{Roots, provider};
use super::{Failure, TransportError};
use crate::config_error::ConfigError;

pub(crate) use client_certificate::ClientCertificate;

/// The longest wait for the vault's judgement on a client certificate, besides the time of the handshake.
const JUDGEMENT: Duration = Duration::from_millis(100);

/// The settings of TLS.
#[derive(Clone, Default)]
pub(crate) struct TlsSettings {
    pub(crate) roots: Roots,
    pub(crate) client_certificate: Option<ClientCertificate>,
    /// The application's own configuration, in place of all others.
    pub(crate) own: Option<Arc<ClientConfig>>,
}

/// The TLS of the connections to one vault.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    /// True after the peer has asked for a client certificate.
    asked: Arc<AtomicBool>,
    peer: Peer,
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    Vault,
    Proxy,
}

impl Tls {
    /// Returns the TLS for a vault, or `None` for a vault without TLS: reading the platform's roots takes
    /// milliseconds. Invalid settings are an error for both.
    pub(super) fn for_vault(
        base: &BaseUrl,
        settings: &TlsSettings,
    ) -> Result<Option<Self>, ConfigError> {
        if base.is_https() {
            return Self::new(settings).map(Some);
        }
        settings.roots.added()?;
        if let Some(certificate) = &settings.client_certificate {
            certificate.parse()?;
        }
        Ok(None)
    }

    fn new(settings: &TlsSettings) -> Result<Self, ConfigError> {
        if let Some(own) = &settings.own {
            if !settings.roots.is_default() || settings.client_certificate.is_some() {
                return Err(ConfigError::TwoTlsSettings);
            }
            let mut config = ClientConfig::clone(own);
            config.alpn_protocols.retain(|it| it == b"http/1.1");
            return Ok(Self::watched(config));
        }
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(ConfigError::Tls)?
            .dangerous()
            .with_custom_certificate_verifier(settings.roots.verifier()?);
        Ok(Self::watched(match &settings.client_certificate {
            Some(certificate) => certificate.apply(builder)?,
            None => builder.with_no_client_auth(),
        }))
    }

    /// Notes if the vault asks for a client certificate.
    fn watched(mut config: ClientConfig) -> Self {
        let asked = Arc::new(AtomicBool::new(false));
        config.client_auth_cert_resolver = Arc::new(Watched {
            inner: config.client_auth_cert_resolver,
            asked: Arc::clone(&asked),
        });
        Self {
            config: Arc::new(config),
            asked,
            peer: Peer::Vault,
        }
    }

    /// Returns the TLS for the proxy to the vault: it trusts the same authorities, and has no client certificate,
    /// which is for the vault alone.
    pub(super) fn for_proxy(&self) -> Self {
        let mut config = ClientConfig::clone(&self.config);
        config.client_auth_cert_resolver = Arc::new(NoCertificate);
        // A session of the vault would carry the identity of the certificate.
        config.resumption = Resumption::disabled();
        Self {
            peer: Peer::Proxy,
            ..Self::watched(config)
        }
    }

    #[cfg(feature = "async")]
    pub(super) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// Begins a connection to this host.
    pub(super) fn connection(&self, host: &str) -> Result<ClientConnection, TransportError> {
        ClientConnection::new(Arc::clone(&self.config), server_name(host)?).map_err(refused)
    }

    /// Returns the longest wait for the vault's judgement on a client certificate, or `None` if it is known.
    ///
    /// With TLS 1.3 a client ends the handshake before the server has checked the client's certificate. A request
    /// that is sent then may break the connection before the refusal is read, and could be lost as well as refused.
    pub(super) fn judgement(
        &self,
        connection: &ClientConnection,
        handshake: Duration,
    ) -> Option<Duration> {
        let is_open = self.asked.load(Ordering::Relaxed)
            && connection.protocol_version() == Some(ProtocolVersion::TLSv1_3)
            && connection.handshake_kind() != Some(HandshakeKind::Resumed)
            && !is_judged(connection);
        is_open.then(|| handshake.saturating_add(JUDGEMENT))
    }

    /// Explains an error of a connection of which the handshake has not ended.
    pub(super) fn explain(&self, error: io::Error) -> TransportError {
        match rustls_error(&error) {
            Some(tls) if is_other_protocol(tls) && self.peer == Peer::Proxy => {
                refused(NoTls::Proxy)
            }
            Some(tls) => self.refusal(tls).unwrap_or_else(|| refused(tls.clone())),
            None if self.is_closed_for_a_certificate(&error) => self.refuse_certificate(None),
            None => TransportError::with_source(Failure::NotSent, error),
        }
    }

    /// Returns the failure if an error of a connection says that the vault refused the client's certificate: it
    /// read nothing of the request.
    pub(super) fn refusal(&self, error: &rustls::Error) -> Option<TransportError> {
        use AlertDescription as Alert;
        let rustls::Error::AlertReceived(alert) = error else {
            return None;
        };
        let is_about_certificate = match alert {
            Alert::CertificateRequired => true,
            Alert::HandshakeFailure
            | Alert::BadCertificate
            | Alert::NoCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::DecryptError
            | Alert::AccessDenied => self.asked.load(Ordering::Relaxed),
            _ => false,
        };
        is_about_certificate.then(|| self.refuse_certificate(Some(*alert)))
    }

    fn is_closed_for_a_certificate(&self, error: &io::Error) -> bool {
        let is_end = matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
        );
        is_end && !self.has_certificate() && self.asked.load(Ordering::Relaxed)
    }

    fn refuse_certificate(&self, alert: Option<AlertDescription>) -> TransportError {
        let source = match alert {
            _ if self.peer == Peer::Proxy => RefusedCertificate::Proxy,
            Some(alert) if self.has_certificate() => RefusedCertificate::Refused(alert),
            _ => RefusedCertificate::Missing,
        };
        TransportError::with_source(Failure::Tls, source)
    }

    fn has_certificate(&self) -> bool {
        self.config.client_auth_cert_resolver.has_certs()
    }
}

/// Returns true if the vault has accepted the client's side of the handshake.
pub(super) fn is_judged(connection: &ClientConnection) -> bool {
    connection.tls13_tickets_received() > 0
}

/// Returns the error of TLS inside an I/O error.
pub(super) fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Returns a host as the name in a certificate.
pub(super) fn server_name(host: &str) -> Result<ServerName<'static>, TransportError> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(host.to_owned()).map_err(refused)
}

/// Returns true if the vault requires a client certificate, and the client has none.
pub(super) fn is_certificate_missing(error: &(dyn StdError + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(RefusedCertificate::Missing))
}

fn refused(error: impl StdError + Send + Sync + 'static) -> TransportError {
    TransportError::with_source(Failure::Tls, error)
}

/// The peer does not accept the client's certificate, or requires one.
#[derive(Debug, thiserror::Error)]
enum RefusedCertificate {
    #[error("the vault requires a client certificate")]
    Missing,
    #[error("the vault refused the client certificate: {0:?}")]
    Refused(AlertDescription),
    #[error(
        "the proxy requires a client certificate, which the client has for the vault alone: use a proxy that \
         accepts a user and a password"
    )]
    Proxy,
}

/// No client certificate.
#[derive(Debug)]
struct NoCertificate;

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// Notes if a server asks for a certificate.
#[derive(Debug)]
struct Watched {
    inner: Arc<dyn ResolvesClientCert>,
    asked: Arc<AtomicBool>,
}

impl ResolvesClientCert for Watched {
    fn resolve(&self, hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.inner.resolve(hints, schemes)
    }

    fn has_certs(&self) -> bool {
        self.inner.has_certs()
    }
}
