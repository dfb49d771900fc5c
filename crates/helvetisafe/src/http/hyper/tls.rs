//! The TLS configuration of rustls.

use helvetisafe_proto::BaseUrl;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
#[cfg(feature = "platform-roots")]
use rustls_platform_verifier::BuilderVerifierExt;
use ureq::tls::Certificate;

use crate::config_error::ConfigError;
use crate::http::roots::{Roots, Trust, provider};

pub(super) fn client_config(base: &BaseUrl, roots: &Roots) -> Result<ClientConfig, ConfigError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(ConfigError::Tls)?;
    let builder = match roots.trust(base)? {
        #[cfg(feature = "platform-roots")]
        Trust::Platform => builder
            .with_platform_verifier()
            .map_err(|_| ConfigError::NoSystemRoots)?,
        Trust::Listed(certificates) => builder.with_root_certificates(store(&certificates)),
    };
    Ok(builder.with_no_client_auth())
}

/// Makes a store of roots. Unreadable ones are left out.
fn store(certificates: &[Certificate<'static>]) -> RootCertStore {
    let mut store = RootCertStore::empty();
    let certificates = certificates.iter().map(Certificate::der);
    store.add_parsable_certificates(certificates.map(|der| CertificateDer::from(der.to_vec())));
    store
}
