//! The base URL, and the setting that allows plain HTTP to another machine.

use std::fmt;

use helvetisafe::{BaseUrl, InvalidBaseUrl};
use http::Uri;

use super::entries::Entries;
use super::entry::Origin;
use super::spec::Setting;
use crate::failure::Failure;

/// A host other than this machine that may be reached over plain HTTP.
#[derive(Clone, Debug)]
pub(crate) struct PlainHttp {
    pub(crate) host: String,
    origin: Origin,
}

/// Describes the risk.
impl fmt::Display for PlainHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "plain HTTP to {}, which {} allows: everyone on the network in between can read the \
             credential and the names of secrets, and use them",
            self.host, self.origin
        )
    }
}

impl PlainHttp {
    /// Checks the base URL, and returns what it needs beyond HTTPS.
    pub(super) fn parse(entries: &Entries) -> Result<Option<Self>, Failure> {
        let Some((url, url_origin)) = entries.text(Setting::BaseUrl) else {
            return Ok(None);
        };
        match BaseUrl::parse(url) {
            Ok(_) => return Ok(None),
            Err(InvalidBaseUrl::PlainHttp) => {}
            Err(error) => {
                let message = format_args!("{url_origin} cannot be used: {error}");
                return Err(Failure::usage(message));
            }
        }
        let allowed = entries.text(Setting::AllowPlainHttp);
        match allowed.filter(|(host, _)| BaseUrl::parse_with_plain_http(url, host).is_ok()) {
            Some((host, origin)) => Ok(Some(Self {
                host: host.to_owned(),
                origin: origin.clone(),
            })),
            None => Err(refused(url, url_origin, allowed)),
        }
    }
}

fn refused(url: &str, url_origin: &Origin, allowed: Option<(&str, &Origin)>) -> Failure {
    let uri = url.parse::<Uri>().unwrap_or_default();
    let host = uri.host().unwrap_or_default();
    let other = match allowed {
        Some((other, origin)) => format!(" ({origin} allows the host `{other}` alone)"),
        None => String::new(),
    };
    Failure::usage(format_args!(
        "{url_origin} is http:// to {host}{other}: everyone on the network in between could read the \
         credential and the names of secrets, and use them; use https://, or accept that with \
         --allow-plain-http {host}"
    ))
}
