//! A process that makes one request without a credential, with `ureq` alone: the floor of a start.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Prints the status of the response.
pub(crate) fn request(url: &str, authority: &Path) {
    let authority = Certificate::from_pem(&fs::read(authority).unwrap()).unwrap();
    let provider = rustls::crypto::ring::default_provider();
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::from(vec![authority]))
        .unversioned_rustls_crypto_provider(Arc::new(provider));
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .tls_config(tls.build());
    let answer = config.build().new_agent().get(url).call().unwrap();
    println!("{}", answer.status().as_u16());
}
