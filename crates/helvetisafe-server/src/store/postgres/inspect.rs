//! The facts about each host of a URL that an operator should know before a vault serves the database.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sqlx::{ConnectOptions, Connection, Error, Row};
use tokio::time::timeout;

use super::failure::reason;
use super::replication::replication;
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
    /// The version of PostgreSQL, such as 150004.
    pub(crate) version: i32,
    pub(crate) replication: Replication,
    /// The connections that the server has for all its users.
    pub(crate) connections: i32,
    /// True if the user may make tables.
    pub(crate) may_migrate: bool,
    /// The tables that the user may not read and write, separated by commas.
    pub(crate) closed_tables: String,
    /// The clock of the server minus that of this machine.
    pub(crate) skew: SignedDuration,
}

const FACTS: &str = concat!(
    "SELECT current_setting('transaction_read_only') = 'off' AS is_primary, ",
    now!(),
    " AS now, current_setting('server_version_num')::int AS version, ",
    replication!(),
    ", \
     current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int \
     AS connections, \
     coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_migrate, \
     coalesce((SELECT string_agg(name, ', ') FROM unnest(ARRAY['organizations', 'list_versions', 'accounts', \
     'account_keys', 'private_keys', 'tokens', 'secrets']) AS name WHERE to_regclass(name) IS NOT NULL AND NOT ( \
     has_table_privilege(name, 'SELECT') AND has_table_privilege(name, 'INSERT') AND \
     has_table_privilege(name, 'UPDATE') AND has_table_privilege(name, 'DELETE'))), '') AS closed_tables"
);

impl Address {
    /// Inspects every host, one after the other.
    pub(in crate::store) async fn inspect(&self) -> Vec<Host> {
        let mut hosts = Vec::new();
        for index in 0..self.host_count() {
            let role = match timeout(WAIT, self.role(index)).await {
                Ok(role) => role.unwrap_or_else(|error| Role::Unusable(Unusable::of(&error))),
                Err(_) => Role::Unusable(Unusable {
                    problem: format!("no answer within {} s", WAIT.as_secs()),
                    remedy: REACH,
                }),
            };
            let name = self.host_name(index);
            hosts.push(Host { name, role });
        }
        hosts
    }

    async fn role(&self, host: usize) -> Result<Role, Error> {
        let mut connection = self.options(host)?.connect().await?;
        let sent = Timestamp::now();
        let row = sqlx::query(FACTS).fetch_one(&mut connection).await?;
        let received = Timestamp::now();
        // The facts are complete, so a failure to close the connection does not matter.
        let _ = connection.close().await;
        if !row.try_get("is_primary")? {
            return Ok(Role::Standby);
        }
        Ok(Role::Primary(Primary {
            version: row.try_get("version")?,
            replication: Replication::of(&row)?,
            connections: row.try_get("connections")?,
            may_migrate: row.try_get("may_migrate")?,
            closed_tables: row.try_get("closed_tables")?,
            skew: skew(sent, Moment(row.try_get("now")?).into(), received),
        }))
    }
}

const REACH: &str = "check the host and the port, that PostgreSQL listens there (listen_addresses), and that no \
                     firewall is in between";

impl Unusable {
    fn of(error: &Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code());
        Self {
            problem: reason(error),
            remedy: match (error, code.as_deref()) {
                (Error::Io(_), _) => REACH,
                (Error::Tls(_), _) => {
                    "check sslrootcert, that the server's certificate has this host's name, and that the server has \
                     ssl = on; sslmode=disable is for networks that encrypt themselves"
                }
                (Error::Configuration(_), _) => "check the files that the URL names",
                (_, Some("28P01" | "28000")) => {
                    "check the user, the password in password_file, and the lines of pg_hba.conf"
                }
                (_, Some("3D000")) => {
                    "make the database, as docs/self-hosting.md describes, or correct its name"
                }
                (_, Some("42501")) => {
                    "grant the user CONNECT on the database and USAGE on its schema"
                }
                (_, Some("53300")) => {
                    "raise max_connections, or end connections that are not needed"
                }
                (_, Some("57P03")) => "wait until the server has started",
                _ => "check the log of PostgreSQL",
            },
        }
    }
}
