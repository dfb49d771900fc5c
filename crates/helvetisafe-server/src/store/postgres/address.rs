//! `postgres://[USER@]HOST[:PORT][,HOST[:PORT]…]/DATABASE[?PARAMETER=VALUE…]`, parsed.

mod host;

use std::fmt;
use std::path::{Path, PathBuf};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use zeroize::Zeroizing;

use crate::private_files;
use host::Host;

/// The servers of a database, of which one at a time takes writes, and how to log in.
///
/// It has no password. That is read for each connection, so that it can be replaced without a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Address {
    user: Option<String>,
    hosts: Vec<Host>,
    database: String,
    tls: Option<Tls>,
    root_certificates: Option<PathBuf>,
    client_certificate: Option<PathBuf>,
    client_key: Option<PathBuf>,
    password_file: Option<PathBuf>,
}

/// The TLS of a connection. Modes that encrypt without checking the server do not protect against a redirected
/// connection, so there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tls {
    VerifyFull,
    Disable,
}

impl Address {
    /// Reads the part of a URL after the scheme. An error repeats no part of it, since any part may be one of a password.
    pub(in crate::store) fn parse(text: &str) -> Result<Self, String> {
        if has_password(text) {
            return Err(
                "the URL has a password, which other users can read, or an @ that has to be written as %40: for a \
                 password use password_file=PATH, PGPASSFILE or PGPASSWORD"
                    .to_owned(),
            );
        }
        let (text, query) = text.split_once('?').unwrap_or((text, ""));
        let (authority, database) = text.split_once('/').unwrap_or((text, ""));
        if database.is_empty() || database.contains('/') {
            return Err("the URL names no database: postgres://HOST/DATABASE".to_owned());
        }
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (Some(user), hosts),
            None => (None, authority),
        };
        let mut address = Self {
            user: user.map(str::to_owned),
            hosts: Vec::new(),
            database: database.to_owned(),
            tls: None,
            root_certificates: None,
            client_certificate: None,
            client_key: None,
            password_file: None,
        };
        for host in hosts.split(',').filter(|host| !host.is_empty()) {
            address.hosts.push(host.parse()?);
        }
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            address.set(&name, &value)?;
        }
        match address.hosts.is_empty() {
            true => Err("the URL names no host: postgres://HOST/DATABASE".to_owned()),
            false => Ok(address),
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "host" => self.hosts.push(value.parse()?),
            "sslmode" => {
                self.tls = Some(match value {
                    "verify-full" => Tls::VerifyFull,
                    "disable" => Tls::Disable,
                    _ => {
                        return Err(
                            "the sslmode does not check which server it is: use verify-full, or \
                             disable on a network that encrypts itself"
                                .to_owned(),
                        );
                    }
                });
            }
            "sslrootcert" => self.root_certificates = Some(value.into()),
            "sslcert" => self.client_certificate = Some(value.into()),
            "sslkey" => self.client_key = Some(value.into()),
            "password_file" => self.password_file = Some(value.into()),
            _ => {
                return Err(
                    "the URL has an unknown parameter: those known are password_file, sslmode, sslrootcert, \
                     sslcert, sslkey and host"
                        .to_owned(),
                );
            }
        }
        Ok(())
    }

    pub(in crate::store) fn has_user(&self) -> bool {
        self.user.as_ref().is_some_and(|user| !user.is_empty())
    }

    pub(in crate::store) fn has_password_file(&self) -> bool {
        self.password_file.is_some()
    }

    /// Returns the URL of this database for another role, `OWNER`, whose password is in another file, if in any.
    pub(in crate::store) fn owner_url(&self, password_file: Option<&str>) -> String {
        let (folders, names): (Vec<_>, Vec<_>) = self.hosts.iter().partition(|it| it.is_folder());
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let path = |path: &Option<PathBuf>| path.as_ref().map(|it| encoded(&it.to_string_lossy()));
        let mode = self.tls.map(|tls| match tls {
            Tls::VerifyFull => "verify-full".to_owned(),
            Tls::Disable => "disable".to_owned(),
        });
        let single = [
            ("password_file", password_file.map(str::to_owned)),
            ("sslmode", mode),
            ("sslrootcert", path(&self.root_certificates)),
            ("sslcert", path(&self.client_certificate)),
            ("sslkey", path(&self.client_key)),
        ];
        let hosts = folders
            .into_iter()
            .map(|it| format!("host={}", encoded(&it.to_string())));
        let parameters: Vec<_> = hosts
            .chain(
                single
                    .into_iter()
                    .filter_map(|(name, value)| Some(format!("{name}={}", value?))),
            )
            .collect();
        let query = match parameters.is_empty() {
            true => String::new(),
            false => format!("?{}", parameters.join("&")),
        };
        format!(
            "postgres://OWNER@{}/{}{query}",
            names.join(","),
            self.database
        )
    }

    pub(super) fn host_count(&self) -> usize {
        self.hosts.len()
    }

    /// Returns the name and the port of one of the hosts.
    pub(super) fn host_name(&self, host: usize) -> String {
        self.hosts[host % self.hosts.len()].to_string()
    }

    /// Returns the options for a connection to one of the hosts.
    pub(super) fn options(&self, host: usize) -> Result<PgConnectOptions, sqlx::Error> {
        let host = &self.hosts[host % self.hosts.len()];
        let mut options = host.options(self.user.as_deref(), &self.database)?;
        let mode = match self.tls(host) {
            Tls::VerifyFull => PgSslMode::VerifyFull,
            Tls::Disable => PgSslMode::Disable,
        };
        options = options.ssl_mode(mode).application_name("helvetisafe");
        if let Some(path) = &self.root_certificates {
            options = options.ssl_root_cert(readable(path, "sslrootcert")?);
        }
        if let Some(path) = &self.client_certificate {
            options = options.ssl_client_cert(readable(path, "sslcert")?);
        }
        if let Some(path) = &self.client_key {
            options = options.ssl_client_key_from_pem(&*read_secret(path, "sslkey")?);
        }
        if let Some(path) = &self.password_file {
            let file = read_secret(path, "password_file")?;
            let text = std::str::from_utf8(&file).map_err(|_| {
                configuration(format!("password_file {}: is not UTF-8", path.display()))
            })?;
            options = options.password(text.trim_end_matches(['\r', '\n']));
        }
        Ok(options)
    }

    /// Returns the TLS of the connections to a host. A given certificate asks for it also on this machine.
    fn tls(&self, host: &Host) -> Tls {
        let has_certificate = self.root_certificates.is_some() || self.client_certificate.is_some();
        match self.tls {
            Some(tls) => tls,
            None if host.is_folder() => Tls::Disable,
            None if host.is_local() && !has_certificate => Tls::Disable,
            None => Tls::VerifyFull,
        }
    }
}

/// Returns true if a part of the text may be a password, as in `user:password@host`, also if the password has a `/` or
/// `?`.
fn has_password(text: &str) -> bool {
    let before = text.rsplit_once('@').map(|(before, _)| before);
    before.is_some_and(|before| before.contains(':'))
}

/// Reads the file of a parameter, which only the vault may read.
fn read_secret(path: &Path, parameter: &str) -> Result<Zeroizing<Vec<u8>>, sqlx::Error> {
    let subject = format!("{parameter} {}", path.display());
    let file = private_files::read_key(path, &subject);
    file.map_err(|problem| configuration(problem.to_string()))
}

/// Returns a path that this process can read. The driver would not name it.
fn readable<'a>(path: &'a Path, parameter: &str) -> Result<&'a Path, sqlx::Error> {
    let unreadable = |error| {
        configuration(format!(
            "{parameter} {}: cannot be read: {error}",
            path.display()
        ))
    };
    std::fs::File::open(path).map_err(unreadable)?;
    Ok(path)
}

/// Encodes the characters of a value that would end it, or be read as others. The slashes of a path stay.
fn encoded(value: &str) -> String {
    let encode = |it: char| match it {
        '%' | '&' | '+' | '#' | '@' | ' ' => format!("%{:02X}", u32::from(it)),
        it => it.to_string(),
    };
    value.chars().map(encode).collect()
}

fn configuration(problem: String) -> sqlx::Error {
    sqlx::Error::Configuration(problem.into())
}

impl fmt::Display for Address {
    /// Writes the hosts and the database, which are no secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        for (index, host) in self.hosts.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{host}")?;
        }
        write!(f, "/{}", self.database)
    }
}

#[cfg(test)]
mod tests;
