//! More URLs of the same vault.

use std::fmt;

use helvetisafe::BaseUrl;

use super::entries::Entries;
use super::plain_http::PlainHttp;
use super::spec::Setting;
use crate::failure::Failure;

/// The further URLs of the vault, in the order in which they are used.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failover {
    urls: Vec<String>,
    unused: Option<String>,
}

impl Failover {
    /// Checks each URL like the base URL.
    pub(super) fn parse(entries: &Entries) -> Result<Self, Failure> {
        let unused = entries.unused_failover();
        let Some((text, origin)) = entries.text(Setting::FailoverUrls) else {
            return Ok(Self {
                urls: Vec::new(),
                unused,
            });
        };
        let plain_http = PlainHttp::parse(entries)?;
        // A URL may have a password, so it is not shown.
        let checked = words(text).zip(1..).map(|(url, number)| {
            let base = match &plain_http {
                Some(allowed) => BaseUrl::parse_with_plain_http(url, &allowed.host),
                None => BaseUrl::parse(url),
            };
            base.map(|_| url.to_owned()).map_err(|error| {
                let problem = error.problem();
                Failure::usage(format_args!(
                    "{origin} cannot be used: URL {number} of the list {problem}"
                ))
            })
        });
        let urls = checked.collect::<Result<_, _>>()?;
        Ok(Self { urls, unused })
    }

    /// Returns the warning about a variable that is not used.
    pub(crate) fn unused(&self) -> Option<&str> {
        self.unused.as_deref()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.urls.is_empty()
    }

    pub(crate) fn urls(&self) -> impl Iterator<Item = &str> {
        self.urls.iter().map(String::as_str)
    }
}

/// The text of the setting.
impl fmt::Display for Failover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.urls.join(" "))
    }
}

/// Returns the words of a list that spaces or commas separate.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| c == ',' || c.is_whitespace());
    words.filter(|word| !word.is_empty())
}
