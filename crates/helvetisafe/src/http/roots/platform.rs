//! The platform's certificate authorities.

use std::env;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::CertificateDer;
use rustls_native_certs::{load_certs_from_paths, load_native_certs};
use rustls_platform_verifier::Verifier;

use super::{listed, provider};
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

/// Makes a verifier that trusts the platform's authorities, and the added ones.
pub(super) fn verifier(
    added: Vec<CertificateDer<'static>>,
) -> Result<Arc<dyn ServerCertVerifier>, ConfigError> {
    if SYSTEM_VERIFIES && added.is_empty() {
        let verifier = Verifier::new(provider()).map_err(|_| ConfigError::NoSystemRoots)?;
        return Ok(Arc::new(verifier));
    }
    listed(added, list()).map_err(|_| ConfigError::NoSystemRoots)
}

fn list() -> Vec<CertificateDer<'static>> {
    bundle().unwrap_or_else(|| load_native_certs().certs)
}

/// Returns the authorities in the platform's bundle, if there is one. The folder beside it has the same ones
/// again, in a file each. The variables of OpenSSL replace both.
fn bundle() -> Option<Vec<CertificateDer<'static>>> {
    let is_set = |name| env::var_os(name).is_some();
    if SYSTEM_VERIFIES || is_set("SSL_CERT_FILE") || is_set("SSL_CERT_DIR") {
        return None;
    }
    let read = |path| load_certs_from_paths(Some(Path::new(path)), None).certs;
    BUNDLES
        .into_iter()
        .map(read)
        .find(|found| !found.is_empty())
}
