//! The trusted certificate authorities.

mod layers;
#[cfg(feature = "platform-roots")]
mod platform;

use std::sync::{Arc, OnceLock};

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::config_error::ConfigError;
use layers::Layers;

/// The settings that select the trusted roots.
#[derive(Clone, Default)]
pub(crate) struct Roots {
    pub(crate) base: BaseRoots,
    /// Further authorities, as PEM.
    pub(crate) extra: Vec<Vec<u8>>,
    /// The verifier for all addresses of a vault, so that files are read once.
    verifier: Arc<OnceLock<Arc<dyn ServerCertVerifier>>>,
}

/// The roots besides the added ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BaseRoots {
    /// Those of the platform if the feature is on, else the compiled-in ones.
    #[default]
    Default,
    /// The compiled-in ones.
    #[cfg(feature = "bundled-roots")]
    Bundled,
    /// None.
    Nothing,
}

impl Roots {
    /// Returns true if nothing is set.
    pub(super) fn is_default(&self) -> bool {
        self.base == BaseRoots::Default && self.extra.is_empty()
    }

    /// Returns the verifier of a vault's certificate.
    pub(super) fn verifier(&self) -> Result<Arc<dyn ServerCertVerifier>, ConfigError> {
        if let Some(verifier) = self.verifier.get() {
            return Ok(Arc::clone(verifier));
        }
        let verifier = self.new_verifier()?;
        Ok(Arc::clone(self.verifier.get_or_init(|| verifier)))
    }

    fn new_verifier(&self) -> Result<Arc<dyn ServerCertVerifier>, ConfigError> {
        let added = self.added()?;
        match self.base {
            #[cfg(feature = "platform-roots")]
            BaseRoots::Default => platform::verifier(added),
            #[cfg(not(feature = "platform-roots"))]
            BaseRoots::Default => listed(added, bundled_list),
            #[cfg(feature = "bundled-roots")]
            BaseRoots::Bundled => listed(added, bundled_list),
            BaseRoots::Nothing => listed(added, Vec::new),
        }
    }

    /// Returns the added authorities.
    pub(super) fn added(&self) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
        let mut added = Vec::new();
        for pem in &self.extra {
            added.extend(certificates(pem)?);
        }
        Ok(added)
    }
}

/// Returns the cryptography for TLS: the program's choice, or *ring*.
pub(super) fn provider() -> Arc<CryptoProvider> {
    let chosen = CryptoProvider::get_default().cloned();
    chosen.unwrap_or_else(|| Arc::new(ring::default_provider()))
}

/// Makes a verifier that trusts these authorities.
fn listed(
    added: Vec<CertificateDer<'static>>,
    more: fn() -> Vec<CertificateDer<'static>>,
) -> Result<Arc<dyn ServerCertVerifier>, ConfigError> {
    let layers = Layers::new(provider())
        .with(move || added.clone())
        .with(more);
    if layers.is_empty() {
        return Err(ConfigError::NoRoots);
    }
    Ok(Arc::new(layers))
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let found = found.ok().filter(|found| !found.is_empty());
    found.ok_or(ConfigError::Certificate)
}

#[cfg(feature = "bundled-roots")]
fn bundled_list() -> Vec<CertificateDer<'static>> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec()
}

#[cfg(all(not(feature = "bundled-roots"), not(feature = "platform-roots")))]
fn bundled_list() -> Vec<CertificateDer<'static>> {
    Vec::new()
}
