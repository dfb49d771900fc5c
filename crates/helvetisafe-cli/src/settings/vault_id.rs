//! The identity of a vault and an account, for what is stored on disk.

use std::fmt;

use helvetisafe::BaseUrl;
use http::Uri;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::random;

/// The bytes of the digest that identify an API token.
const DIGEST_LENGTH: usize = 8;

/// A vault and an account.
///
/// The organization has no name on the wire, so the credential identifies it: the client id, or a digest
/// of the API token. A new credential is a first use; the user is warned if its org key differs from
/// those of other credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VaultId {
    /// The normalized base URL.
    pub(crate) base_url: String,
    /// `client-id ID`, or `api-token` and 16 hexadecimal digits.
    pub(crate) account: String,
}

impl VaultId {
    pub(super) fn of_client(base_url: &str, client_id: &str) -> Self {
        Self::new(base_url, format!("client-id {client_id}"))
    }

    pub(super) fn of_token(base_url: &str, token: &SecretString) -> Self {
        let digest = digest(token.expose_secret());
        Self::new(base_url, format!("api-token {digest}"))
    }

    fn new(base_url: &str, account: String) -> Self {
        Self {
            base_url: normalized(base_url),
            account,
        }
    }

    /// Returns true if both vaults have the same address. All names of this machine count as one, since
    /// a development vault is called by each of them.
    pub(crate) fn has_address_of(&self, other: &Self) -> bool {
        address(&self.base_url) == address(&other.base_url)
    }
}

impl fmt::Display for VaultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as {}", self.base_url, self.account)
    }
}

/// Returns the digest of a token. Its 64 bits are too few to guess the token.
fn digest(token: &str) -> String {
    let digest = Sha256::new()
        .chain_update(b"HelvetiSafe known vault v1\0")
        .chain_update(token.as_bytes())
        .finalize();
    random::hex(&digest[..DIGEST_LENGTH]).to_string()
}

/// Lowercases scheme and host, and removes the default port and a slash at the end. An invalid URL stays
/// as it is; connecting refuses it.
pub(super) fn normalized(url: &str) -> String {
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

/// Replaces each name of this machine by one.
fn address(base_url: &str) -> String {
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
    fn a_url_is_normalized() {
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
    fn all_names_of_this_machine_are_one_address() {
        for host in ["localhost", "127.0.0.1", "[::1]", "127.1.2.3"] {
            let url = format!("http://{host}:8200/a");
            assert_eq!(address(&url), "http://localhost:8200/a");
        }
        for (one, other) in [
            ("http://127.0.0.1:8200", "http://127.0.0.1:8201"),
            ("https://vault.example", "https://localhost"),
            ("http://localhost/a", "http://localhost/b"),
        ] {
            assert_ne!(address(one), address(other));
        }
    }

    #[test]
    fn the_digest_of_a_token_is_stable() {
        // printf 'HelvetiSafe known vault v1\0token' | sha256sum
        assert_eq!(digest("token"), "5b03339783bc0eb8");
        assert_ne!(digest("token"), digest("token2"));
    }
}
