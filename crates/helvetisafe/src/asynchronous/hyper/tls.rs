//! What is trusted, in rustls' words.

use std::sync::Arc;

use helvetisafe_proto::BaseUrl;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
#[cfg(feature = "platform-roots")]
use rustls_platform_verifier::BuilderVerifierExt;
use ureq::tls::Certificate;

use crate::error::ConfigError;
use crate::transport::roots::{Roots, Trust, bundled_list};

pub(super) fn client_config(base: &BaseUrl, roots: &Roots) -> Result<ClientConfig, ConfigError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| ConfigError::Certificate)?;
    let trust = match roots.trust().map_err(|_| ConfigError::Certificate)? {
        trust if base.is_https() => trust,
        // To read the platform's takes milliseconds, for nothing.
        _ => Trust::These(Vec::new()),
    };
    let builder = match trust {
        #[cfg(feature = "platform-roots")]
        Trust::Platform => builder
            .with_platform_verifier()
            .map_err(|_| ConfigError::Certificate)?,
        Trust::Bundled => builder.with_root_certificates(store(&bundled_list())),
        Trust::These(certificates) => builder.with_root_certificates(store(&certificates)),
    };
    Ok(builder.with_no_client_auth())
}

/// Roots that cannot be read are left out: they would not be trusted either way.
fn store(certificates: &[Certificate<'static>]) -> RootCertStore {
    let mut store = RootCertStore::empty();
    let certificates = certificates.iter().map(Certificate::der);
    store.add_parsable_certificates(certificates.map(|der| CertificateDer::from(der.to_vec())));
    store
}
