//! The platform's certificate authorities.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::CertificateDer;
use rustls_native_certs::{load_certs_from_paths, load_native_certs};
use rustls_platform_verifier::Verifier;

use super::layers::Layers;
use super::provider;
use crate::config_error::ConfigError;

/// True where the system itself verifies certificates. Elsewhere it only has a list of authorities.
const SYSTEM_VERIFIES: bool = cfg!(any(windows, target_vendor = "apple", target_os = "android"));

/// The files with all authorities, by distribution.
const BUNDLES: [&str; 6] = [
    // Debian, Ubuntu, Arch, Gentoo
    "/etc/ssl/certs/ca-certificates.crt",
    // Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    // openSUSE
    "/etc/ssl/ca-bundle.pem",
    // Alpine, OpenBSD
    "/etc/ssl/cert.pem",
    // FreeBSD
    "/usr/local/share/certs/ca-root-nss.crt",
];

/// Makes a verifier that trusts the added authorities, and the platform's.
///
/// The bundle is read only for a certificate that is not from an added authority. The folder beside it has the
/// same authorities again, in some 150 files, and is read only for one that is not from the bundle.
pub(super) fn verifier(
    added: Vec<CertificateDer<'static>>,
) -> Result<Arc<dyn ServerCertVerifier>, ConfigError> {
    if SYSTEM_VERIFIES && added.is_empty() {
        let verifier = Verifier::new(provider()).map_err(|_| ConfigError::NoSystemRoots)?;
        return Ok(Arc::new(verifier));
    }
    let layers = Layers::new(provider())
        .with(move || added.clone())
        .with(bundle)
        .with(others);
    if layers.is_empty() {
        return Err(ConfigError::NoSystemRoots);
    }
    Ok(Arc::new(layers))
}

/// Returns the authorities in the bundle: that of OpenSSL's variable, or the platform's. Where the system verifies
/// certificates it has no bundle, and another user may be able to create one of these files.
fn bundle() -> Vec<CertificateDer<'static>> {
    let read = |path: &Path| load_certs_from_paths(Some(path), None).certs;
    match (env::var_os("SSL_CERT_FILE"), env::var_os("SSL_CERT_DIR")) {
        (Some(file), _) => read(Path::new(&file)),
        (None, Some(_)) => Vec::new(),
        (None, None) if SYSTEM_VERIFIES => Vec::new(),
        (None, None) => {
            let mut bundles = BUNDLES.iter().map(|path| read(Path::new(path)));
            bundles.find(|found| !found.is_empty()).unwrap_or_default()
        }
    }
}

/// Returns the authorities that may not be in the bundle. The file of OpenSSL's variable, which can be a pipe, is not
/// read again.
fn others() -> Vec<CertificateDer<'static>> {
    let read = |folder: PathBuf| load_certs_from_paths(None, Some(&folder)).certs;
    match (env::var_os("SSL_CERT_FILE"), env::var_os("SSL_CERT_DIR")) {
        (None, _) => load_native_certs().certs,
        (Some(_), Some(folders)) => env::split_paths(&folders).flat_map(read).collect(),
        (Some(_), None) => Vec::new(),
    }
}
