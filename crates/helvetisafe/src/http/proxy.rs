//! The proxy to the vault: from the settings, or from the environment.

mod exceptions;
mod tunnel;

use std::env;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use helvetisafe_proto::BaseUrl;
use http::Uri;
use secrecy::{ExposeSecret, SecretString};
use ureq::ProxyProtocol;
use zeroize::Zeroizing;

use crate::config_error::ConfigError;
use exceptions::is_exception;

pub(super) use tunnel::{Problem, Reply};

/// The choice of the proxy.
#[derive(Clone, Default)]
pub(crate) enum ProxySetting {
    /// The one in the environment, if any.
    #[default]
    Environment,
    /// None.
    Direct,
    /// The one with this URL, which may hold a password.
    Url(SecretString),
}

/// A proxy that makes tunnels.
#[derive(Clone)]
pub(super) struct Proxy {
    uri: Uri,
    is_https: bool,
    /// `user:password` in base64.
    credentials: Option<SecretString>,
}

impl ProxySetting {
    /// Returns the proxy to a vault, or `None`. A vault without TLS has none.
    pub(super) fn for_vault(&self, base: &BaseUrl) -> Result<Option<Proxy>, ConfigError> {
        match self {
            Self::Direct => Ok(None),
            Self::Environment => from_environment(base, |name| {
                // Text that is not Unicode is refused as the URL of a proxy.
                env::var_os(name).map(|value| value.to_string_lossy().into_owned())
            }),
            Self::Url(url) => {
                let proxy = Proxy::parse(url.expose_secret());
                let proxy = proxy.ok_or(ConfigError::Proxy("the proxy"))?;
                Ok(Some(proxy).filter(|_| base.is_https()))
            }
        }
    }
}

/// Reads `HTTPS_PROXY` and `NO_PROXY`, for https only. A loopback address is never proxied.
fn from_environment(
    base: &BaseUrl,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, ConfigError> {
    let either = |one, other| {
        [one, other]
            .into_iter()
            .filter_map(&variable)
            .find(|text| !text.is_empty())
    };
    let is_proxied = base.is_https() && !base.is_loopback();
    let Some(url) = either("HTTPS_PROXY", "https_proxy").filter(|_| is_proxied) else {
        return Ok(None);
    };
    let proxy = Proxy::parse(&url).ok_or(ConfigError::Proxy("HTTPS_PROXY"))?;
    let exceptions = either("NO_PROXY", "no_proxy").unwrap_or_default();
    Ok(Some(proxy).filter(|_| !is_exception(&exceptions, base)))
}

impl Proxy {
    /// Reads the URL of a proxy, or returns `None` if it is not one, or one of another kind.
    fn parse(url: &str) -> Option<Self> {
        let proxy = ureq::Proxy::new(url).ok()?;
        let is_https = match proxy.protocol() {
            ProxyProtocol::Http => false,
            ProxyProtocol::Https => true,
            _ => return None,
        };
        let scheme = if is_https { "https" } else { "http" };
        let uri = format!("{scheme}://{}:{}", proxy.host(), proxy.port());
        let credentials = proxy.username().map(|user| {
            let password = proxy.password().unwrap_or_default();
            let text = Zeroizing::new(format!("{user}:{password}"));
            SecretString::from(STANDARD.encode(text.as_bytes()))
        });
        Some(Self {
            uri: uri.parse().ok()?,
            is_https,
            credentials,
        })
    }

    /// Returns the address of the proxy, without its credentials.
    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns true if the client speaks TLS to the proxy itself.
    pub(super) fn is_https(&self) -> bool {
        self.is_https
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_of(url: &str, variables: &[(&str, &str)]) -> Result<Option<Proxy>, ConfigError> {
        let value = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        from_environment(&BaseUrl::parse(url).unwrap(), value)
    }

    #[test]
    fn a_proxy_is_taken_from_the_environment_for_https() {
        let variables = [
            ("HTTPS_PROXY", "http://u:p%40@proxy.example:3128"),
            ("NO_PROXY", "a.example, .b.example, 10.0.0.0/8"),
        ];
        let found = proxy_of("https://vault.example", &variables)
            .unwrap()
            .unwrap();
        assert_eq!(found.uri(), "http://proxy.example:3128");
        assert_eq!(found.credentials.unwrap().expose_secret(), "dTpwQA==");
        for url in [
            "https://a.example",
            "https://x.b.example",
            "https://10.1.2.3",
        ] {
            assert!(proxy_of(url, &variables).unwrap().is_none(), "{url}");
        }
        let lower = [
            ("HTTPS_PROXY", ""),
            ("https_proxy", "http://other.example:1"),
        ];
        let found = proxy_of("https://vault.example", &lower).unwrap().unwrap();
        assert_eq!(found.uri(), "http://other.example:1");
    }

    #[test]
    fn this_machine_is_never_proxied() {
        let variables = [("HTTPS_PROXY", "http://proxy.example:3128")];
        for url in [
            "http://127.0.0.1:8200",
            "https://localhost:8200",
            "https://[::1]:8200",
        ] {
            assert!(proxy_of(url, &variables).unwrap().is_none(), "{url}");
        }
        assert!(proxy_of("https://vault.example", &[]).unwrap().is_none());
    }

    #[test]
    fn a_proxy_that_cannot_be_read_is_refused_and_not_shown() {
        for bad in [
            "canary://proxy",
            "http://",
            ":::canary",
            "socks5://canary:canary@proxy.example",
        ] {
            let error = proxy_of("https://vault.example", &[("HTTPS_PROXY", bad)])
                .err()
                .unwrap();
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
