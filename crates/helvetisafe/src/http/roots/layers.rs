//! A verifier with several sets of authorities, of which the later ones are read only if a certificate is not from
//! the earlier ones.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

type Certificates = Vec<CertificateDer<'static>>;

/// Trusts what one of its layers trusts.
pub(super) struct Layers {
    layers: Vec<Layer>,
    provider: Arc<CryptoProvider>,
}

/// A set of authorities that is read at its first use.
struct Layer {
    read: Box<dyn Fn() -> Certificates + Send + Sync>,
    verifier: OnceLock<Option<Arc<WebPkiServerVerifier>>>,
}

impl Layers {
    pub(super) fn new(provider: Arc<CryptoProvider>) -> Self {
        Self {
            layers: Vec::new(),
            provider,
        }
    }

    /// Adds authorities below the others.
    pub(super) fn with(mut self, read: impl Fn() -> Certificates + Send + Sync + 'static) -> Self {
        self.layers.push(Layer {
            read: Box::new(read),
            verifier: OnceLock::new(),
        });
        self
    }

    /// Returns true if no layer has an authority. Reads layers until one has.
    pub(super) fn is_empty(&self) -> bool {
        let mut layers = self.layers.iter();
        layers.all(|layer| layer.verifier(&self.provider).is_none())
    }
}

impl Layer {
    /// Returns the verifier, or `None` if there is no authority. Unreadable authorities are left out.
    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Option<&Arc<WebPkiServerVerifier>> {
        let made = self.verifier.get_or_init(|| {
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates((self.read)());
            let provider = Arc::clone(provider);
            let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider);
            // It fails for an empty store alone.
            builder.build().ok()
        });
        made.as_ref()
    }
}

impl ServerCertVerifier for Layers {
    /// Returns the most telling error of all layers: any but an unknown issuer.
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        const UNKNOWN: Error = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let mut failure = UNKNOWN;
        for layer in &self.layers {
            let Some(verifier) = layer.verifier(&self.provider) else {
                continue;
            };
            match verifier.verify_server_cert(certificate, intermediates, name, ocsp, now) {
                Ok(verified) => return Ok(verified),
                Err(error) if failure == UNKNOWN => failure = error,
                Err(_) => {}
            }
        }
        Err(failure)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Layers({})", self.layers.len())
    }
}
