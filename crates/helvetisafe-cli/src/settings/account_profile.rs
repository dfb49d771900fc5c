//! The profile of a new account, in the folder with its keys.

use helvetisafe::organization::{ScopeList, VerificationKey};
use helvetisafe::{Scope, Scopes};

use super::address::Address;
use super::config_text::quoted;

/// The content of a configuration file with one profile, which names the keys beside it.
pub(crate) struct AccountProfile<'a> {
    pub(crate) address: &'a Address,
    pub(crate) client_id: &'a str,
    pub(crate) client_secret_file: &'a str,
    pub(crate) private_key_path: &'a str,
    /// `None` unless the account is an administrator's.
    pub(crate) signing_key_path: Option<&'a str>,
    /// The verification key by which the chain is trusted, where nothing of it is remembered.
    pub(crate) verification_key: Option<VerificationKey>,
    /// The scopes of the account.
    pub(crate) scopes: &'a ScopeList,
}

impl AccountProfile<'_> {
    /// The name of the copy of the certificate authority beside it.
    pub(crate) const CA_CERTIFICATE: &'static str = "ca-certificate.pem";

    /// The key of the certificate authority.
    pub(crate) const CA_CERTIFICATE_KEY: &'static str = "ca_certificate";

    /// The name of the profile: the one that is used by default.
    const NAME: &'static str = "default";

    /// Returns the text of the file. Paths of files beside it are relative, so that the folder can be moved.
    pub(crate) fn to_toml(&self) -> String {
        let mut text = format!("[profiles.{}]\n", Self::NAME);
        let mut line = |key: &str, value: &str| {
            text += &format!("{key} = {}\n", quoted(value));
        };
        line("base_url", &self.address.base_url);
        if !self.address.failover.is_empty() {
            line("failover_urls", &self.address.failover.to_string());
        }
        line("client_id", self.client_id);
        line("client_secret_file", self.client_secret_file);
        line("private_key_path", self.private_key_path);
        if let Some(path) = self.signing_key_path {
            line("signing_key_path", path);
        }
        if let Some(key) = self.verification_key {
            line("verification_key", &key.to_string());
        }
        if let Some(allowed) = &self.address.plain_http {
            line("allow_plain_http", &allowed.host);
        }
        if self.address.ca_certificate.is_some() {
            line(Self::CA_CERTIFICATE_KEY, Self::CA_CERTIFICATE);
        }
        // A vault refuses a request for a scope that the account does not have.
        let has = |scope: &Scope| {
            self.scopes
                .as_str()
                .split(' ')
                .any(|it| it == scope.as_str())
        };
        let usual: Scopes = Scope::ALL.iter().copied().filter(has).collect();
        if usual != Scopes::ALL {
            line("scopes", &usual.to_string());
        }
        text
    }
}
