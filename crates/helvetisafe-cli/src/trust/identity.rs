//! What a remembered fingerprint belongs to.

use std::fmt::{self, Write};

use helvetisafe::BaseUrl;
use http::Uri;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::Config;
use crate::config::table::Setting;
use crate::failure::Failure;

/// Bytes of the digest that stand for an API token.
const DIGEST_LENGTH: usize = 8;

/// A vault and an organization in it.
///
/// The organization has no name on the wire, so the credential stands for it: the client id, or a
/// digest of the API token. A new credential is a first use; a vault that hands out another key
/// for it than for the old one is warned about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VaultId {
    /// The base URL in one spelling.
    pub(crate) base_url: String,
    /// `client-id ID`, or `api-token` and 16 hexadecimal digits.
    pub(crate) account: String,
}

impl VaultId {
    pub(crate) fn of(config: &Config) -> Result<Self, Failure> {
        config.check()?;
        let account = match config.api_token()? {
            Some(token) => format!("api-token {}", digest(token.expose_secret())),
            None => format!("client-id {}", config.text(Setting::ClientId)?),
        };
        Ok(Self {
            base_url: normalized(&config.base_url()?),
            account,
        })
    }
}

impl VaultId {
    /// Returns whether both are at the same place. All names of this machine are one place: a development
    /// vault is called by each of them.
    pub(super) fn is_at_the_place_of(&self, other: &Self) -> bool {
        place(&self.base_url) == place(&other.base_url)
    }
}

impl fmt::Display for VaultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as {}", self.base_url, self.account)
    }
}

/// A token has more entropy than could be guessed from 64 bits of its digest.
fn digest(token: &str) -> String {
    let digest = Sha256::new()
        .chain_update(b"HelvetiSafe known vault v1\0")
        .chain_update(token.as_bytes())
        .finalize();
    let mut text = String::with_capacity(2 * DIGEST_LENGTH);
    for byte in &digest[..DIGEST_LENGTH] {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Scheme and host in lower case, no default port, no slash at the end. What is no URL stays as it
/// is; connecting refuses it.
fn normalized(url: &str) -> String {
    let Ok(uri) = url.parse::<Uri>() else {
        return url.to_owned();
    };
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return url.to_owned();
    };
    let scheme = scheme.to_ascii_lowercase();
    let default = if scheme == "https" { 443 } else { 80 };
    let port = match uri.port_u16() {
        Some(port) if port != default => format!(":{port}"),
        _ => String::new(),
    };
    let path = uri.path().trim_end_matches('/');
    format!("{scheme}://{}{port}{path}", host.to_ascii_lowercase())
}

/// The base URL with one name for this machine.
fn place(base_url: &str) -> String {
    let is_loopback = BaseUrl::parse(base_url).is_ok_and(|url| url.is_loopback());
    let uri = base_url.parse::<Uri>().ok().filter(|_| is_loopback);
    match uri.as_ref().and_then(Uri::host) {
        Some(host) => base_url.replacen(host, "localhost", 1),
        None => base_url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_vault_has_one_spelling() {
        for url in [
            "https://vault.example/a",
            "HTTPS://Vault.Example:443/a/",
            "https://vault.example:443/a",
        ] {
            assert_eq!(normalized(url), "https://vault.example/a");
        }
        assert_eq!(normalized("http://[::1]:8200/"), "http://[::1]:8200");
        assert_eq!(normalized("http://localhost:80"), "http://localhost");
        assert_eq!(normalized("no url"), "no url");
    }

    #[test]
    fn all_names_of_this_machine_are_one_place() {
        for host in ["localhost", "127.0.0.1", "[::1]", "127.1.2.3"] {
            let url = format!("http://{host}:8200/a");
            assert_eq!(place(&url), "http://localhost:8200/a");
        }
        for (one, other) in [
            ("http://127.0.0.1:8200", "http://127.0.0.1:8201"),
            ("https://vault.example", "https://localhost"),
            ("http://localhost/a", "http://localhost/b"),
        ] {
            assert_ne!(place(one), place(other));
        }
    }

    #[test]
    fn the_digest_of_a_token_is_stable() {
        // printf 'HelvetiSafe known vault v1\0token' | sha256sum
        assert_eq!(digest("token"), "5b03339783bc0eb8");
        assert_ne!(digest("token"), digest("token2"));
    }
}
