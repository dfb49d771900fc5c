//! The facts about each host of a URL that an operator should know before a vault serves the database.

use std::io;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustls::{CertificateError, Error as TlsError};
use sqlx::{ConnectOptions, Connection, Error, Row};
use tokio::time::timeout;

use super::failure::reason;
use super::replication::replication;
use super::rights::{self, Lacking, lacking};
use super::{Address, Replication, now};
use crate::store::{Moment, skew};

/// The timeout of the connection to a host and of its answers.
const WAIT: Duration = Duration::from_secs(5);

/// A host of the URL.
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) role: Role,
}

pub(crate) enum Role {
    /// It accepts writes.
    Primary(Primary),
    /// It accepts none.
    Standby,
    Unusable(Unusable),
}

/// The reason for which a host cannot be used, and the remedy.
pub(crate) struct Unusable {
    pub(crate) problem: String,
    pub(crate) remedy: &'static str,
}

/// A host that accepts writes.
pub(crate) struct Primary {
    /// The start of the server, which identifies it: it may have several names.
    pub(crate) started: String,
    /// The version of PostgreSQL, such as 150004.
    pub(crate) version: i32,
    pub(crate) replication: Replication,
    /// The connections that the server has for all its users.
    pub(crate) connections: i32,
    /// True if the user may make tables.
    pub(crate) may_migrate: bool,
    /// The tables and rights that a node lacks: all of them before the first migration.
    pub(crate) lacking: Lacking,
    /// The clock of the server minus that of this machine.
    pub(crate) skew: SignedDuration,
}

const FACTS: &str = concat!(
    "SELECT current_setting('transaction_read_only') = 'off' AS is_primary, ",
    now!(),
    " AS now, pg_postmaster_start_time()::text AS started, current_setting('server_version_num')::int AS version, ",
    replication!(),
    ", \
     current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int \
     AS connections, \
     coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_migrate, ",
    lacking!(),
);

impl Address {
    /// Inspects every host, one after the other.
    pub(in crate::store) async fn inspect(&self) -> Vec<Host> {
        let mut hosts = Vec::new();
        for index in 0..self.host_count() {
            let role = match timeout(WAIT, self.role(index)).await {
                Ok(role) => role.unwrap_or_else(|error| Role::Unusable(Unusable::of(&error))),
                Err(_) => Role::Unusable(Unusable::silent(WAIT)),
            };
            let name = self.host_name(index);
            hosts.push(Host { name, role });
        }
        hosts
    }

    async fn role(&self, host: usize) -> Result<Role, Error> {
        let mut connection = self.options(host)?.connect().await?;
        let sent = Timestamp::now();
        let (tables, rights) = rights::needed();
        let facts = sqlx::query(FACTS).bind(tables).bind(rights);
        let row = facts.fetch_one(&mut connection).await?;
        let received = Timestamp::now();
        // The facts are complete, so a failure to close the connection does not matter.
        let _ = connection.close().await;
        if !row.try_get("is_primary")? {
            return Ok(Role::Standby);
        }
        Ok(Role::Primary(Primary {
            started: row.try_get("started")?,
            version: row.try_get("version")?,
            replication: Replication::of(&row)?,
            connections: row.try_get("connections")?,
            may_migrate: row.try_get("may_migrate")?,
            lacking: Lacking::of(&row)?,
            skew: skew(sent, Moment(row.try_get("now")?).into(), received),
        }))
    }
}

const REACH: &str = "check the host and the port, that PostgreSQL listens there (listen_addresses), and that no \
                     firewall is in between";

const TLS: &str = "check sslrootcert, that the server's certificate has this host's name, and that the server has \
                   ssl = on; sslmode=disable is for networks that encrypt themselves";

impl Unusable {
    /// The host did not answer in this time.
    pub(super) fn silent(time: Duration) -> Self {
        Self {
            problem: format!("no answer within {} s", time.as_secs()),
            remedy: REACH,
        }
    }

    pub(super) fn of(error: &Error) -> Self {
        Self {
            problem: reason(error),
            remedy: match error {
                Error::Io(error) => of_connection(error),
                Error::Tls(_) => TLS,
                Error::Protocol(_) => {
                    "check the host and the port: the program that answers there is not PostgreSQL, or expects TLS at \
                     once"
                }
                Error::Configuration(_) => "check the files that the URL names",
                _ => of_refusal(error),
            },
        }
    }
}

/// Returns the remedy for a connection that failed, maybe in its TLS handshake.
fn of_connection(error: &io::Error) -> &'static str {
    let cause = error.get_ref().and_then(|it| it.downcast_ref::<TlsError>());
    match cause {
        Some(TlsError::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "add sslrootcert=FILE to the URL, with the certificate of the authority that issued the server's, or \
             correct that file"
        }
        Some(TlsError::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => {
            "write the host as in the server's certificate, or give the server a certificate with this name"
        }
        Some(TlsError::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => "renew the server's certificate, and check the clock of this machine",
        Some(_) => TLS,
        None => REACH,
    }
}

/// Returns the remedy for a refusal by the server, which may translate its text.
fn of_refusal(error: &Error) -> &'static str {
    let code = error.as_database_error().and_then(|error| error.code());
    match code.as_deref() {
        Some("28P01") => "check the user, and the password in password_file",
        Some("28000") => {
            "check the user, and the lines of pg_hba.conf; hostssl lines need TLS, which sslrootcert=FILE or \
             sslmode=verify-full in the URL asks for on this machine, too"
        }
        Some("3D000") => {
            "make the database, as docs/self-hosting.md describes, or correct its name"
        }
        Some("42501") => "grant the user CONNECT on the database and USAGE on its schema",
        Some("53300") => "raise max_connections, or end connections that are not needed",
        Some("57P03") => "wait until the server has started",
        _ => "check the log of PostgreSQL",
    }
}
