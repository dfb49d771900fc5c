//! `postgres://[USER@]HOST[:PORT][,HOST[:PORT]…]/DATABASE[?PARAMETER=VALUE…]`, parsed.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use zeroize::Zeroizing;

use crate::private_files;

/// The port of a host without one.
const PORT: u16 = 5432;

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

#[derive(Clone, Debug, PartialEq, Eq)]
struct Host {
    /// A name, an address, or the folder of a Unix socket.
    name: String,
    port: u16,
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
        let mode = match self.tls {
            Some(Tls::VerifyFull) => PgSslMode::VerifyFull,
            Some(Tls::Disable) => PgSslMode::Disable,
            None if host.is_local() => PgSslMode::Disable,
            None => PgSslMode::VerifyFull,
        };
        options = options.ssl_mode(mode).application_name("helvetisafe");
        if let Some(path) = &self.root_certificates {
            options = options.ssl_root_cert(path);
        }
        if let Some(path) = &self.client_certificate {
            options = options.ssl_client_cert(path);
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

fn configuration(problem: String) -> sqlx::Error {
    sqlx::Error::Configuration(problem.into())
}

impl Host {
    /// Returns options with this host, and the password that `PGPASSWORD` or `PGPASSFILE` have for it.
    fn options(&self, user: Option<&str>, database: &str) -> Result<PgConnectOptions, sqlx::Error> {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("host", self.name.as_str()), ("dbname", database)])
            .extend_pairs([("port", self.port.to_string())])
            .extend_pairs(user.map(|user| ("user", user)))
            .finish();
        format!("postgres:///?{query}").parse()
    }

    /// Returns true if a connection stays on this machine.
    fn is_local(&self) -> bool {
        let address = self.name.parse::<IpAddr>();
        self.name.starts_with('/')
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

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match (name.starts_with('/'), name.contains(':')) {
            (true, _) => write!(f, "{}", name),
            (false, true) => write!(f, "[{name}]:{}", self.port),
            (false, false) => write!(f, "{name}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str, host: usize) -> PgConnectOptions {
        Address::parse(text).unwrap().options(host).unwrap()
    }

    #[test]
    fn hosts_have_their_own_ports_and_tls() {
        let text = "vault@db1,db2:6432,[::1]:5433/secrets";
        assert_eq!(Address::parse(text).unwrap().host_count(), 3);
        for (host, name, port, mode) in [
            (0, "db1", 5432, PgSslMode::VerifyFull),
            (1, "db2", 6432, PgSslMode::VerifyFull),
            (2, "::1", 5433, PgSslMode::Disable),
        ] {
            let options = options(text, host);
            assert_eq!(options.get_host(), name);
            assert_eq!(options.get_port(), port);
            assert_eq!(options.get_username(), "vault");
            assert_eq!(options.get_database(), Some("secrets"));
            assert_eq!(format!("{:?}", options.get_ssl_mode()), format!("{mode:?}"));
        }
        let socket = options("/secrets?host=/run/postgresql", 0);
        assert_eq!(socket.get_socket(), Some(&PathBuf::from("/run/postgresql")));
    }

    #[test]
    fn another_machine_is_verified_unless_the_operator_says_otherwise() {
        for (text, mode) in [
            ("db1/a", PgSslMode::VerifyFull),
            ("db1/a?sslmode=verify-full", PgSslMode::VerifyFull),
            ("db1/a?sslmode=disable", PgSslMode::Disable),
            ("localhost/a", PgSslMode::Disable),
            ("localhost/a?sslmode=verify-full", PgSslMode::VerifyFull),
        ] {
            let found = options(text, 0).get_ssl_mode();
            assert_eq!(format!("{found:?}"), format!("{mode:?}"), "{text}");
        }
    }

    #[test]
    fn a_password_comes_from_a_file_and_not_from_the_url() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        private_files::write(&file, b"hunter2\n").unwrap();
        let address = Address::parse(&format!("db1/a?password_file={}", file.display())).unwrap();
        let options = address.options(0).unwrap();
        assert!(
            format!("{options:?}").contains("\"hunter2\""),
            "without its newline"
        );
        assert!(!format!("{address} {address:?}").contains("hunter2"));
        std::fs::remove_file(&file).unwrap();
        let error = address.options(0).err().unwrap();
        assert!(error.to_string().contains(&file.display().to_string()));

        let error = Address::parse("user:hunter2@db1/a").unwrap_err();
        assert!(error.contains("has a password"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn files_with_a_secret_are_refused_if_other_users_can_read_them() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        private_files::write(&file, b"hunter2").unwrap();
        let path = file.display();
        for text in [
            format!("db1/a?password_file={path}"),
            format!("db1/a?sslcert=/c&sslkey={path}"),
        ] {
            let address = Address::parse(&text).unwrap();
            for mode in [0o600, 0o400] {
                std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
                assert!(address.options(0).is_ok(), "{mode:o}");
            }
            for mode in [0o640, 0o644, 0o602] {
                std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
                let error = address.options(0).err().unwrap().to_string();
                for part in [
                    path.to_string(),
                    format!("mode {mode:04o}"),
                    format!("chmod 600 '{path}'"),
                ] {
                    assert!(error.contains(&part), "{part}: {error}");
                }
                assert!(!error.contains("hunter2"), "{error}");
            }
        }
    }

    proptest::proptest! {
        /// No error contains a word of the password. The separators of the words are separators of URLs, too.
        #[test]
        fn no_error_has_a_part_of_a_password(
            before in "(u|)",
            words in proptest::collection::vec("Zq[0-9]{3}xW", 1..5),
            separators in proptest::collection::vec("[@:/?#&=%,;\\[\\] .]", 5),
            after in "(@db1/a|@db1|/a|@db1,db2:x/a|@|@db1/a\\?b=c|@db1/a\\?sslmode=d|)",
            place in 0..4,
        ) {
            let password: String = words.iter().zip(&separators).fold(String::new(), |text, (word, separator)| {
                if text.is_empty() { word.clone() } else { text + separator + word }
            });
            let text = match place {
                0 => format!("{before}:{password}{after}"),
                1 => format!("{before}{password}{after}"),
                2 => format!("{before}@db1/a?password={password}"),
                _ => format!("{before}@db1/a?sslmode={password}{after}"),
            };
            if let Err(error) = Address::parse(&text) {
                for word in &words {
                    assert!(!error.contains(word), "{text}: {error}");
                }
            }
            for scheme in ["postgres://", "postgresql://", "postgres:", "postgres:/", ""] {
                if let Err(error) = format!("{scheme}{text}").parse::<crate::store::Database>() {
                    for word in &words {
                        assert!(!error.to_string().contains(word), "{text}: {error}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_wrong_url_is_explained() {
        for (text, part) in [
            ("", "no database"),
            ("db1", "no database"),
            ("db1/", "no database"),
            ("/a", "no host"),
            ("db1:x/a", "invalid host or port"),
            ("db1:99999/a", "invalid host or port"),
            (":5432/a", "invalid host or port"),
            ("db1/a?sslmode=require", "sslmode does not check"),
            ("db1/a?ssl=on", "unknown parameter"),
            ("db1:5432/a?sslrootcert=/a@b", "%40"),
        ] {
            let error = Address::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn it_is_written_without_its_parameters() {
        let address = Address::parse("me@db1,[::1]:5433/a?password_file=/x").unwrap();
        assert_eq!(address.to_string(), "postgres://db1:5432,[::1]:5433/a");
    }
}
