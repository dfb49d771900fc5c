use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;
use http::uri::{Authority, Scheme};
use serde::{Deserialize, Serialize};

/// The address of a vault: `https://host[:port][/prefix]`, or `http://` to a loopback address, or to the one host
/// of [`Self::parse_with_plain_http`].
///
/// `serde` writes it as text. A trailing slash is ignored. Credentials, a query and a fragment are refused, so the address can be
/// logged.
///
/// ```
/// use helvetisafe_proto::BaseUrl;
///
/// assert!(BaseUrl::parse("https://vault.example/tenant/").is_ok());
/// assert!(BaseUrl::parse("http://127.0.0.1:8200").is_ok());
/// assert!(BaseUrl::parse("http://vault.example").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BaseUrl {
    scheme: Scheme,
    authority: Authority,
    prefix: String,
}

impl BaseUrl {
    /// Reads the address of a vault.
    ///
    /// # Errors
    ///
    /// [`InvalidBaseUrl`] when the text is not an absolute URL, when its scheme is not `https` (`http`
    /// is allowed to `localhost`, `127.0.0.0/8` and `[::1]`), or when it carries user
    /// information, a query or a fragment.
    pub fn parse(url: &str) -> Result<Self, InvalidBaseUrl> {
        Self::parse_if(url, |_| false)
    }

    /// Reads the address of a vault as [`Self::parse`] does, and allows `http://` to the host `plain_http_host`
    /// too, a name or an address without a port.
    ///
    /// Everyone on the network in between can then read the credentials and the names of the secrets, use them, and
    /// change the answers. The values stay encrypted. `serde` does not read such an address again.
    ///
    /// ```
    /// use helvetisafe_proto::BaseUrl;
    ///
    /// let url = "http://vault.ns.svc:8200";
    /// assert!(BaseUrl::parse_with_plain_http(url, "vault.ns.svc").is_ok());
    /// assert!(BaseUrl::parse_with_plain_http(url, "other.ns.svc").is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::parse`].
    pub fn parse_with_plain_http(url: &str, plain_http_host: &str) -> Result<Self, InvalidBaseUrl> {
        let allowed = without_brackets(plain_http_host);
        Self::parse_if(url, |host| {
            without_brackets(host).eq_ignore_ascii_case(allowed)
        })
    }

    /// Allows plain HTTP to loopback addresses, and to hosts that `is_allowed` accepts.
    fn parse_if(url: &str, is_allowed: impl Fn(&str) -> bool) -> Result<Self, InvalidBaseUrl> {
        // RFC 3986 allows no other characters. In a log they could hide or reorder text.
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidBaseUrl::Malformed);
        }
        if url.contains(['?', '#']) {
            return Err(InvalidBaseUrl::Extra);
        }
        let parts = url
            .parse::<Uri>()
            .map_err(|_| InvalidBaseUrl::Malformed)?
            .into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(InvalidBaseUrl::Malformed);
        };
        if authority.as_str().contains('@') {
            return Err(InvalidBaseUrl::Extra);
        }
        if authority.host().is_empty() || has_bad_port(&authority) {
            return Err(InvalidBaseUrl::Malformed);
        }
        if scheme != Scheme::HTTPS && scheme != Scheme::HTTP {
            return Err(InvalidBaseUrl::Scheme);
        }
        let host = authority.host();
        if scheme == Scheme::HTTP && !is_loopback(host) && !is_allowed(host) {
            return Err(InvalidBaseUrl::PlainHttp);
        }
        let path = parts
            .path_and_query
            .map(|path| path.path().to_owned())
            .unwrap_or_default();
        Ok(Self {
            scheme,
            authority,
            prefix: path.trim_end_matches('/').to_owned(),
        })
    }

    /// Returns the host name or address, without the port.
    #[must_use]
    pub fn host(&self) -> &str {
        self.authority.host()
    }

    /// Returns the port; by default 443 for `https` and 80 for `http`.
    #[must_use]
    pub fn port(&self) -> u16 {
        let default = if self.is_https() { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(default)
    }

    /// Returns true for `https`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Returns true if the host is `localhost`, in `127.0.0.0/8`, or `[::1]`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.host())
    }

    /// Returns true if a URL has this scheme, host and port.
    #[must_use]
    pub fn has_origin_of(&self, url: &Uri) -> bool {
        url.scheme() == Some(&self.scheme) && url.authority() == Some(&self.authority)
    }

    /// The URL of a call. `path` starts with `/` and is made of constants and
    /// [`KeyName`](crate::KeyName)s, none of which needs escaping.
    pub(crate) fn join(&self, path: &str) -> Uri {
        let path_and_query = format!("{}{path}", self.prefix);
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = path_and_query.parse().ok();
        // Every part is valid, so this cannot fail. If it did, the URL would be empty, which no transport
        // sends.
        Uri::from_parts(parts).unwrap_or_default()
    }
}

fn has_bad_port(authority: &Authority) -> bool {
    let after_host = authority
        .as_str()
        .get(authority.host().len()..)
        .unwrap_or_default();
    !after_host.is_empty() && authority.port_u16().is_none()
}

/// Returns an IPv6 address without its brackets, and any other host as it is.
fn without_brackets(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

fn is_loopback(host: &str) -> bool {
    let bare = without_brackets(host);
    bare.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        Self::parse(url)
    }
}

impl TryFrom<&str> for BaseUrl {
    type Error = InvalidBaseUrl;

    fn try_from(url: &str) -> Result<Self, Self::Error> {
        Self::parse(url)
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = InvalidBaseUrl;

    fn try_from(url: String) -> Result<Self, Self::Error> {
        Self::parse(&url)
    }
}

impl From<BaseUrl> for String {
    fn from(url: BaseUrl) -> Self {
        url.to_string()
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.prefix)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseUrl({self})")
    }
}

/// The reason for which a text is not the address of a vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
#[error("the base URL {}", self.problem())]
pub enum InvalidBaseUrl {
    /// It is not an absolute URL.
    Malformed,
    /// Its scheme is neither `https` nor `http`.
    Scheme,
    /// It is plain `http` to a host that is not this machine.
    PlainHttp,
    /// It carries user information, a query or a fragment.
    Extra,
}

impl InvalidBaseUrl {
    /// Returns the problem without its subject, for a URL with another name than "the base URL".
    ///
    /// ```
    /// use helvetisafe_proto::InvalidBaseUrl;
    ///
    /// assert_eq!(InvalidBaseUrl::Scheme.problem(), "has to start with https://");
    /// ```
    #[must_use]
    pub const fn problem(self) -> &'static str {
        match self {
            Self::Malformed => "is not a URL such as https://vault.example",
            Self::Scheme => "has to start with https://",
            Self::PlainHttp => "has to start with https://; http:// is only for a loopback address",
            Self::Extra => "cannot hold a user, a password, a query or a fragment",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_prefix_is_kept_and_a_trailing_slash_does_not_matter() {
        for (url, joined) in [
            ("https://v.example", "https://v.example/oauth/token"),
            ("https://v.example/", "https://v.example/oauth/token"),
            (
                "https://v.example:8443/a/b//",
                "https://v.example:8443/a/b/oauth/token",
            ),
        ] {
            assert_eq!(BaseUrl::parse(url).unwrap().join("/oauth/token"), joined);
        }
    }

    #[test]
    fn plain_http_is_allowed_to_one_host_alone() {
        let parse = |url| BaseUrl::parse_with_plain_http(url, "vault.ns.svc");
        for url in [
            "http://vault.ns.svc",
            "http://Vault.NS.svc:8200/tenant/",
            "http://localhost:1",
            "https://other.example",
        ] {
            assert!(parse(url).is_ok(), "{url}");
        }
        for url in [
            "http://other.example",
            "http://vault.ns.svc.evil.example",
            "http://a.vault.ns.svc",
            "http://vault.ns.svc.",
        ] {
            assert_eq!(parse(url), Err(InvalidBaseUrl::PlainHttp), "{url}");
        }
        for host in ["fd00::1", "[FD00::1]"] {
            let url = "http://[fd00::1]:8200";
            assert!(BaseUrl::parse_with_plain_http(url, host).is_ok(), "{host}");
        }
        let user = parse("http://user@vault.ns.svc");
        assert_eq!(user, Err(InvalidBaseUrl::Extra));
    }

    #[test]
    fn the_port_is_given_or_the_schemes() {
        for (url, port, is_https) in [
            ("https://v.example/a", 443, true),
            ("https://v.example:8443", 8443, true),
            ("http://[::1]", 80, false),
            ("http://localhost:1", 1, false),
        ] {
            let base = BaseUrl::parse(url).unwrap();
            assert_eq!((base.port(), base.is_https()), (port, is_https), "{url}");
        }
    }

    #[test]
    fn the_origin_of_a_url_is_its_scheme_host_and_port() {
        let base = BaseUrl::parse("https://v.example:8443/a").unwrap();
        for (url, is_same) in [
            ("https://V.example:8443/b", true),
            ("http://v.example:8443/a", false),
            ("https://v.example/a", false),
            ("https://w.example:8443/a", false),
            ("/a", false),
        ] {
            assert_eq!(base.has_origin_of(&url.parse().unwrap()), is_same, "{url}");
        }
    }

    #[test]
    fn plain_http_goes_to_this_machine_only() {
        for url in [
            "http://127.0.0.1:1",
            "http://127.9.9.9",
            "http://localhost",
            "http://[::1]:80",
        ] {
            assert!(BaseUrl::parse(url).is_ok(), "{url}");
        }
        for url in [
            "http://10.0.0.1",
            "http://localhost.evil.example",
            "http://127.0.0.1.example",
        ] {
            assert_eq!(BaseUrl::parse(url), Err(InvalidBaseUrl::PlainHttp), "{url}");
        }
    }

    #[test]
    fn the_host_is_told_and_whether_it_is_this_machine() {
        for (url, host, is_loopback) in [
            ("https://v.example:8443/a", "v.example", false),
            ("https://LOCALHOST", "LOCALHOST", true),
            ("https://127.0.0.2:1", "127.0.0.2", true),
            ("https://[::1]:1", "[::1]", true),
            ("https://[2001:db8::1]", "[2001:db8::1]", false),
        ] {
            let base = BaseUrl::parse(url).unwrap();
            assert_eq!((base.host(), base.is_loopback()), (host, is_loopback));
        }
    }

    #[test]
    fn it_is_shown_whole_and_read_again() {
        let base: BaseUrl = "https://v.example:8443/a/".parse().unwrap();
        assert_eq!(base.to_string(), "https://v.example:8443/a");
        assert_eq!(format!("{base:?}"), "BaseUrl(https://v.example:8443/a)");
        assert_eq!(base.to_string().parse(), Ok(base));
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        use InvalidBaseUrl::{Extra, Malformed, Scheme};
        for (url, why) in [
            ("", Malformed),
            ("vault.example", Malformed),
            ("/path", Malformed),
            ("https://", Malformed),
            ("https://v.example/\u{85}", Malformed),
            ("https://v.example/\u{202e}", Malformed),
            ("https://v.example/a b", Malformed),
            ("https://v.example:99999", Malformed),
            ("https://v.example:", Malformed),
            ("https://v.example:x", Malformed),
            ("https://:443", Malformed),
            ("ftp://v.example", Scheme),
            ("https://user:pass@v.example", Extra),
            ("https://v.example?x=1", Extra),
            ("https://v.example/#x", Extra),
        ] {
            assert_eq!(BaseUrl::parse(url), Err(why), "{url}");
        }
    }

    proptest! {
        #[test]
        fn a_url_that_parsed_always_joins(url in "https?://[a-z0-9.\\[\\]:]{1,12}[ -~]{0,12}") {
            if let Ok(base) = BaseUrl::parse(&url) {
                prop_assert!(base.join("/oauth/token").to_string().ends_with("/oauth/token"));
            }
        }
    }
}
