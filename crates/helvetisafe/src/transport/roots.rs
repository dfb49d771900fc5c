//! Which certificates are trusted.

use std::sync::Arc;

use helvetisafe_proto::BaseUrl;
use rustls::crypto::{CryptoProvider, ring};
use ureq::tls::{Certificate, PemItem, parse_pem};

use crate::error::ConfigError;

/// Where trust begins.
#[derive(Clone, Default)]
pub(crate) struct Roots {
    /// The roots compiled in, in place of the platform's.
    pub(crate) bundled: bool,
    /// PEM texts of further authorities.
    pub(crate) extra: Vec<Vec<u8>>,
}

/// What [`Roots`] come to.
pub(crate) enum Trust {
    /// What the operating system trusts, asked for each certificate.
    #[cfg(feature = "platform-roots")]
    Platform,
    /// These.
    These(Vec<Certificate<'static>>),
}

impl Roots {
    /// Whom a client of this vault trusts. Without TLS that is nobody, and to read the platform's
    /// roots takes milliseconds.
    pub(crate) fn trust(&self, base: &BaseUrl) -> Result<Trust, ConfigError> {
        let mut trusted = Vec::new();
        for pem in &self.extra {
            trusted.extend(certificates(pem)?);
        }
        if !base.is_https() {
            return Ok(Trust::These(trusted));
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
        Ok(Trust::These(trusted))
    }
}

/// The cryptography that TLS is made with: the program's choice, or *ring*.
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

/// The platform's roots as a list, to which others can be added. Those that cannot be read are
/// left out: they would not be trusted either way.
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
