//! Which certificates are trusted.

use ureq::tls::{Certificate, PemItem, parse_pem};

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
    /// The roots compiled in.
    Bundled,
    /// These.
    These(Vec<Certificate<'static>>),
}

/// A text that should be a certificate is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a PEM with at least one certificate")]
pub(crate) struct InvalidCertificate;

impl Roots {
    pub(crate) fn trust(&self) -> Result<Trust, InvalidCertificate> {
        let use_bundled = self.bundled || cfg!(not(feature = "platform-roots"));
        match (self.extra.is_empty(), use_bundled) {
            (true, true) => Ok(Trust::Bundled),
            (true, false) => Ok(platform()),
            (false, true) => self.with_extra(bundled_list()),
            (false, false) => self.with_extra(platform_list()),
        }
    }

    fn with_extra(
        &self,
        mut roots: Vec<Certificate<'static>>,
    ) -> Result<Trust, InvalidCertificate> {
        for pem in &self.extra {
            roots.extend(certificates(pem)?);
        }
        Ok(Trust::These(roots))
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, InvalidCertificate> {
    let items = parse_pem(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| InvalidCertificate)?;
    let certificates: Vec<_> = items
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        Err(InvalidCertificate)
    } else {
        Ok(certificates)
    }
}

#[cfg(feature = "platform-roots")]
fn platform() -> Trust {
    Trust::Platform
}

#[cfg(not(feature = "platform-roots"))]
fn platform() -> Trust {
    Trust::Bundled
}

/// The platform's roots as a list, to which others can be added. Those that cannot be read are
/// left out: they would not be trusted either way.
#[cfg(feature = "platform-roots")]
fn platform_list() -> Vec<Certificate<'static>> {
    let roots = rustls_native_certs::load_native_certs().certs;
    roots
        .iter()
        .map(|root| Certificate::from_der(root).to_owned())
        .collect()
}

#[cfg(not(feature = "platform-roots"))]
fn platform_list() -> Vec<Certificate<'static>> {
    bundled_list()
}

#[cfg(feature = "bundled-roots")]
pub(crate) fn bundled_list() -> Vec<Certificate<'static>> {
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
    roots
        .iter()
        .map(|root| Certificate::from_der(root).to_owned())
        .collect()
}

#[cfg(not(feature = "bundled-roots"))]
pub(crate) fn bundled_list() -> Vec<Certificate<'static>> {
    Vec::new()
}
