//! The trusted certificate authorities.

use std::sync::Arc;

use helvetisafe_proto::BaseUrl;
use rustls::crypto::{CryptoProvider, ring};
use ureq::tls::{Certificate, PemItem, parse_pem};

use crate::config_error::ConfigError;

/// The settings that select the trusted roots.
#[derive(Clone, Default)]
pub(crate) struct Roots {
    /// True to use Mozilla's compiled-in roots instead of the platform's.
    pub(crate) bundled: bool,
    /// Further authorities, as PEM.
    pub(crate) extra: Vec<Vec<u8>>,
}

/// The roots that [`Roots`] selects.
pub(crate) enum Trust {
    /// The operating system's verifier, called for each certificate.
    #[cfg(feature = "platform-roots")]
    Platform,
    /// A list of certificates.
    Listed(Vec<Certificate<'static>>),
}

impl Roots {
    /// Returns the roots for a vault. Without TLS none are loaded: reading the platform's roots takes
    /// milliseconds.
    pub(crate) fn trust(&self, base: &BaseUrl) -> Result<Trust, ConfigError> {
        let mut trusted = Vec::new();
        for pem in &self.extra {
            trusted.extend(certificates(pem)?);
        }
        if !base.is_https() {
            return Ok(Trust::Listed(trusted));
        }
        #[cfg(feature = "platform-roots")]
        if !self.bundled && trusted.is_empty() {
            return Ok(Trust::Platform);
        }
        let use_bundled = self.bundled || cfg!(not(feature = "platform-roots"));
        trusted.extend(if use_bundled {
            bundled_list()
        } else {
            platform_list()
        });
        if trusted.is_empty() {
            return Err(ConfigError::NoRoots);
        }
        Ok(Trust::Listed(trusted))
    }
}

/// Returns the cryptography for TLS: the program's choice, or *ring*.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    let chosen = CryptoProvider::get_default().cloned();
    chosen.unwrap_or_else(|| Arc::new(ring::default_provider()))
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, ConfigError> {
    let items = parse_pem(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| ConfigError::Certificate)?;
    let certificates: Vec<_> = items
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        Err(ConfigError::Certificate)
    } else {
        Ok(certificates)
    }
}

/// Returns the platform's roots as a list. Unreadable ones are left out.
#[cfg(feature = "platform-roots")]
pub(super) fn platform_list() -> Vec<Certificate<'static>> {
    let roots = rustls_native_certs::load_native_certs().certs;
    roots
        .iter()
        .map(|root| Certificate::from_der(root).to_owned())
        .collect()
}

#[cfg(not(feature = "platform-roots"))]
pub(super) fn platform_list() -> Vec<Certificate<'static>> {
    Vec::new()
}

#[cfg(feature = "bundled-roots")]
fn bundled_list() -> Vec<Certificate<'static>> {
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
    roots
        .iter()
        .map(|root| Certificate::from_der(root).to_owned())
        .collect()
}

#[cfg(not(feature = "bundled-roots"))]
fn bundled_list() -> Vec<Certificate<'static>> {
    Vec::new()
}
