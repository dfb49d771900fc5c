//! Finds the proxy to the vault in the environment.

use std::env;
use std::sync::Arc;

use helvetisafe_proto::BaseUrl;
use http::Uri;
use ureq::Proxy;

use crate::config_error::ConfigError;

/// Returns the proxy that this process's environment sets.
pub(super) fn from_environment(base: &BaseUrl) -> Result<Option<Proxy>, ConfigError> {
    proxy(base, |name| env::var(name).ok())
}

/// Returns the host and the port of the proxy for a message, unless the vault is one of its exceptions.
pub(super) fn shown(proxy: &Proxy, base: &BaseUrl) -> Option<Arc<str>> {
    (!is_exception(proxy, base)).then(|| format!("{}:{}", proxy.host(), proxy.port()).into())
}

/// Returns true if the proxy is not used for the vault.
pub(super) fn is_exception(proxy: &Proxy, base: &BaseUrl) -> bool {
    let uri: Result<Uri, _> = base.to_string().parse();
    uri.is_ok_and(|uri| proxy.is_no_proxy(&uri))
}

/// Reads `HTTPS_PROXY` and `NO_PROXY`, for https only. A loopback address is never proxied.
fn proxy(
    base: &BaseUrl,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, ConfigError> {
    let either = |one, other| {
        [one, other]
            .into_iter()
            .filter_map(&variable)
            .find(|text| !text.is_empty())
    };
    let Some(url) = either("HTTPS_PROXY", "https_proxy").filter(|_| !base.is_loopback()) else {
        return Ok(None);
    };
    let exceptions = either("NO_PROXY", "no_proxy").unwrap_or_default();
    parse_proxy(&url, &exceptions)
        .map(Some)
        .map_err(|_| ConfigError::Proxy)
}

fn parse_proxy(url: &str, exceptions: &str) -> Result<Proxy, ureq::Error> {
    let proxy = Proxy::new(url)?;
    let mut builder = Proxy::builder(proxy.protocol())
        .host(proxy.host())
        .port(proxy.port());
    if let Some(user) = proxy.username() {
        builder = builder.username(user);
    }
    if let Some(password) = proxy.password() {
        builder = builder.password(password);
    }
    for exception in exceptions
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        builder = builder.no_proxy(exception);
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_of(url: &str, variables: &[(&str, &str)]) -> Result<Option<Proxy>, ConfigError> {
        let value = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        proxy(&BaseUrl::parse(url).unwrap(), value)
    }

    #[test]
    fn a_proxy_is_taken_from_the_environment_for_https() {
        let variables = [
            ("HTTPS_PROXY", "http://u:p@proxy.example:3128"),
            ("NO_PROXY", "a.example, .b.example"),
        ];
        let found = proxy_of("https://vault.example", &variables)
            .unwrap()
            .unwrap();
        assert_eq!((found.host(), found.port()), ("proxy.example", 3128));
        assert_eq!((found.username(), found.password()), (Some("u"), Some("p")));
        for (url, is_exception) in [
            ("https://a.example", true),
            ("https://x.b.example", true),
            ("https://vault.example", false),
        ] {
            assert_eq!(
                found.is_no_proxy(&url.parse().unwrap()),
                is_exception,
                "{url}"
            );
        }
        let lower = [
            ("HTTPS_PROXY", ""),
            ("https_proxy", "http://other.example:1"),
        ];
        let found = proxy_of("https://vault.example", &lower).unwrap().unwrap();
        assert_eq!(found.host(), "other.example");
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
        for bad in ["canary://proxy", "http://", ":::canary"] {
            let error = proxy_of("https://vault.example", &[("HTTPS_PROXY", bad)])
                .err()
                .unwrap();
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
