//! The client's certificate, for a vault that wants one.

use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder};
use zeroize::Zeroizing;

use crate::config_error::ConfigError;

/// A certificate and its key, both as PEM.
#[derive(Clone)]
pub(crate) struct ClientCertificate {
    /// It may hold the key too.
    chain: Arc<Zeroizing<Vec<u8>>>,
    key: Arc<Zeroizing<Vec<u8>>>,
}

impl ClientCertificate {
    pub(crate) fn new(chain: &[u8], key: &[u8]) -> Self {
        Self {
            chain: Arc::new(Zeroizing::new(chain.to_vec())),
            key: Arc::new(Zeroizing::new(key.to_vec())),
        }
    }

    pub(super) fn parse(
        &self,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), ConfigError> {
        let chain = CertificateDer::pem_slice_iter(&self.chain).collect::<Result<Vec<_>, _>>();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or(ConfigError::ClientCertificate)?;
        if is_encrypted(&self.key) {
            return Err(ConfigError::ClientKeyEncrypted);
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| ConfigError::ClientKey)?;
        Ok((chain, key))
    }

    /// Completes a configuration of TLS.
    pub(super) fn apply(
        &self,
        builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    ) -> Result<ClientConfig, ConfigError> {
        let (chain, key) = self.parse()?;
        let config = builder.with_client_auth_cert(chain, key);
        config.map_err(ConfigError::ClientIdentity)
    }
}

fn is_encrypted(pem: &[u8]) -> bool {
    let is_in = |text: &[u8]| pem.windows(text.len()).any(|piece| piece == text);
    is_in(b"BEGIN ENCRYPTED PRIVATE KEY") || is_in(b"Proc-Type: 4,ENCRYPTED")
}
