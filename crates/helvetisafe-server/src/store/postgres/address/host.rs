//! A host of an address: `HOST[:PORT]`, `[ADDRESS][:PORT]`, or the folder of a Unix socket.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

/// The port of a host without one.
const PORT: u16 = 5432;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// A name, an address, or the folder of a Unix socket.
    name: String,
    port: u16,
}

impl Host {
    /// Returns options with this host, and the password that `PGPASSWORD` or `PGPASSFILE` have for it.
    pub(super) fn options(
        &self,
        user: Option<&str>,
        database: &str,
    ) -> Result<PgConnectOptions, sqlx::Error> {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("host", self.name.as_str()), ("dbname", database)])
            .extend_pairs([("port", self.port.to_string())])
            .extend_pairs(user.map(|user| ("user", user)))
            .finish();
        format!("postgres:///?{query}").parse()
    }

    /// Returns true for the folder of a Unix socket.
    pub(super) fn is_folder(&self) -> bool {
        self.name.starts_with('/')
    }

    /// Returns true if a connection stays on this machine.
    pub(super) fn is_local(&self) -> bool {
        let address = self.name.parse::<IpAddr>();
        self.is_folder()
            || self.name == "localhost"
            || address.is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bracketed = text.strip_prefix('[').and_then(|text| text.split_once(']'));
        let (name, port) = match bracketed {
            Some((name, port)) => (name, port.strip_prefix(':')),
            None => match text.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (text, None),
            },
        };
        let port = port.map_or(Ok(PORT), str::parse);
        match port {
            Ok(port) if !name.is_empty() => Ok(Self {
                name: name.to_owned(),
                port,
            }),
            _ => Err(
                "the URL has an invalid host or port: write HOST, HOST:PORT, or [ADDRESS]:PORT for IPv6".to_owned(),
            ),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match (self.is_folder(), name.contains(':')) {
            (true, _) => write!(f, "{}", name),
            (false, true) => write!(f, "[{name}]:{}", self.port),
            (false, false) => write!(f, "{name}:{}", self.port),
        }
    }
}
