//! The settings of `serve` by name, before they are parsed.

use std::fmt;
use std::path::PathBuf;

/// A setting of `serve`: the option `--NAME`, the variable `HELVETISAFE_SERVER_NAME` and the member `NAME` of
/// the configuration file.
#[derive(Debug)]
#[non_exhaustive]
pub struct Setting {
    /// The name, such as `tls-cert`.
    pub name: &'static str,
    /// The environment variable, such as `HELVETISAFE_SERVER_TLS_CERT`.
    pub variable: &'static str,
    /// The form of the value in the help.
    pub value_name: &'static str,
    /// The help.
    pub help: &'static str,
    /// The number of values.
    pub kind: Kind,
}

/// The number of values of a [`Setting`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// One value.
    Value,
    /// Several values: an option that may be repeated, a list in the file, a variable with commas.
    List,
    /// `true` or `false`. The option without a value is `true`.
    Switch,
}

/// A place where a setting is given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// An option of the command.
    Flag,
    /// An environment variable.
    Variable,
    /// A line of the configuration file.
    Line(PathBuf, usize),
}

/// A setting with its values as texts. It has no `Debug`, since a value that is refused later can hold a password.
#[derive(Clone)]
#[non_exhaustive]
pub struct Given {
    /// The name of the setting.
    pub name: &'static str,
    /// The values; one unless it is a list.
    pub values: Vec<String>,
    /// The place.
    pub origin: Origin,
}

impl Setting {
    /// Gives the setting these values.
    #[must_use]
    pub fn given(&self, values: Vec<String>, origin: Origin) -> Given {
        Given {
            name: self.name,
            values,
            origin,
        }
    }

    pub(super) fn named(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }
}

impl Given {
    /// Returns the subject of messages about it.
    pub(super) fn subject(&self) -> String {
        let name = self.name;
        match &self.origin {
            Origin::Flag => format!("--{name}"),
            Origin::Variable => Setting::named(name)
                .map_or(name, |it| it.variable)
                .to_owned(),
            Origin::Line(..) => format!("{}: {name}", self.origin),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("the command line"),
            Self::Variable => f.write_str("the environment"),
            Self::Line(file, line) => write!(f, "{}, line {line}", file.display()),
        }
    }
}

const fn setting(
    name: &'static str,
    variable: &'static str,
    value_name: &'static str,
    kind: Kind,
    help: &'static str,
) -> Setting {
    Setting {
        name,
        variable,
        value_name,
        help,
        kind,
    }
}

/// Every setting of `serve`, in the order of the help.
pub static SETTINGS: [Setting; 17] = [
    setting(
        "database",
        "HELVETISAFE_SERVER_DATABASE",
        "DATABASE",
        Kind::Value,
        "The database: sqlite:FILE, which is made with mode 0600 if it does not exist, or postgres://HOST/DATABASE",
    ),
    setting(
        "listen",
        "HELVETISAFE_SERVER_LISTEN",
        "ADDRESS",
        Kind::Value,
        "The address to listen on; 127.0.0.1:8200 by default. One that is not loopback needs --tls-cert, or a \
         --trusted-proxy that does TLS",
    ),
    setting(
        "tls-cert",
        "HELVETISAFE_SERVER_TLS_CERT",
        "FILE",
        Kind::Value,
        "The certificate chain, PEM, the server's certificate first. It and the key are read again when they \
         change, and at SIGHUP",
    ),
    setting(
        "tls-key",
        "HELVETISAFE_SERVER_TLS_KEY",
        "FILE",
        Kind::Value,
        "The private key of the certificate, PEM, which other users must not be able to read",
    ),
    setting(
        "trusted-proxy",
        "HELVETISAFE_SERVER_TRUSTED_PROXY",
        "CIDR",
        Kind::List,
        "A network of proxies whose Forwarded and X-Forwarded-For are believed. Without TLS here, only they and \
         this machine may connect. May be repeated",
    ),
    setting(
        "metrics-listen",
        "HELVETISAFE_SERVER_METRICS_LISTEN",
        "ADDRESS",
        Kind::Value,
        "The address for GET /metrics, plain HTTP for Prometheus; none by default",
    ),
    setting(
        "drain-delay",
        "HELVETISAFE_SERVER_DRAIN_DELAY",
        "TIME",
        Kind::Value,
        "The time between the first 503 of /ready and the end of new connections after SIGTERM, such as 15s; \
         0s by default",
    ),
    setting(
        "no-migrate",
        "HELVETISAFE_SERVER_NO_MIGRATE",
        "true|false",
        Kind::Switch,
        "Refuse to start when migrations of the database are pending, in place of applying them",
    ),
    setting(
        "access-log",
        "HELVETISAFE_SERVER_ACCESS_LOG",
        "true|false",
        Kind::Switch,
        "Write a line per request on standard error, without names of secrets or credentials",
    ),
    setting(
        "log-format",
        "HELVETISAFE_SERVER_LOG_FORMAT",
        "text|json",
        Kind::Value,
        "The form of messages on standard error; text by default",
    ),
    setting(
        "max-connections",
        "HELVETISAFE_SERVER_MAX_CONNECTIONS",
        "COUNT",
        Kind::Value,
        "Connections that are served at the same time; 512 by default. Others wait",
    ),
    setting(
        "client-timeout",
        "HELVETISAFE_SERVER_CLIENT_TIMEOUT",
        "TIME",
        Kind::Value,
        "The longest time for a TLS handshake, for the head of a request, for its body, between two reads of an \
         answer, and between two requests; 30s by default",
    ),
    setting(
        "accept-writes-without-epoch",
        "HELVETISAFE_SERVER_ACCEPT_WRITES_WITHOUT_EPOCH",
        "true|false",
        Kind::Switch,
        "Accept writes that do not name their org key, also after it was replaced: for clients other than \
         helvetisafe, which must be restarted after a rotation",
    ),
    setting(
        "audit-reads",
        "HELVETISAFE_SERVER_AUDIT_READS",
        "true|false",
        Kind::Switch,
        "Record each read of a secret: who, which and when. It is written within a second; a node that is killed loses \
         the last second",
    ),
    setting(
        "limit-requests",
        "HELVETISAFE_SERVER_LIMIT_REQUESTS",
        "RATE",
        Kind::Value,
        "Requests with a valid token, for each account and node, as COUNT/SECONDS or off; 500000/10 by default",
    ),
    setting(
        "limit-logins",
        "HELVETISAFE_SERVER_LIMIT_LOGINS",
        "RATE",
        Kind::Value,
        "Token requests with the right client secret, for each account and node; 2000/10 by default",
    ),
    setting(
        "limit-failed-logins",
        "HELVETISAFE_SERVER_LIMIT_FAILED_LOGINS",
        "RATE",
        Kind::Value,
        "Failed token requests, for each client id and node; 20/20 by default",
    ),
];
