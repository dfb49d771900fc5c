//! The settings of `serve`, parsed once.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;

use super::reader::{Reader, parsed};
use super::setting::Given;
use crate::log;
use crate::problem::Problem;
use crate::proxies::{self, Proxies};
use crate::settings::Settings;
use crate::tls::CertificateFiles;
use crate::{Database, InvalidRate, Rate, RateLimits};

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8200);
const DATABASE_REMEDY: &str = "write sqlite:FILE, such as sqlite:/var/lib/helvetisafe/vault.db, or \
     postgres://HOST/DATABASE";
const MAX_TIME: Duration = Duration::from_secs(3600);

/// A configuration that `serve` can run: the wrong combinations of settings are refused when it is made.
#[derive(Clone, Debug)]
pub struct Config {
    pub(super) database: Database,
    pub(super) endpoint: Endpoint,
    /// Proxies whose headers are believed.
    pub(super) proxies: Option<Proxies>,
    pub(super) metrics_listen: Option<SocketAddr>,
    pub(super) migrates: bool,
    pub(super) tuning: Tuning,
}

/// The settings that do not depend on others.
#[derive(Clone, Debug)]
pub(super) struct Tuning {
    pub(super) drain_delay: Duration,
    pub(super) has_access_log: bool,
    pub(super) log_format: log::Format,
    pub(super) connections: usize,
    pub(super) client_timeout: Option<Duration>,
    pub(super) accept_writes_without_epoch: bool,
    pub(super) audit_reads: bool,
    pub(super) limits: RateLimits,
}

/// An address, and the protection of the credentials that are sent to it.
#[derive(Clone, Debug)]
pub(super) enum Endpoint {
    Tls(SocketAddr, CertificateFiles),
    /// Plain HTTP on a loopback address.
    Loopback(SocketAddr),
    /// Plain HTTP for proxies that do TLS.
    Proxied(SocketAddr, Proxies),
}

impl Endpoint {
    pub(super) fn address(&self) -> SocketAddr {
        match self {
            Self::Tls(address, _) | Self::Loopback(address) | Self::Proxied(address, _) => *address,
        }
    }

    /// Returns the files of the certificate and its key, if there is TLS.
    pub(super) fn files(&self) -> Option<&CertificateFiles> {
        match self {
            Self::Tls(_, files) => Some(files),
            Self::Loopback(_) | Self::Proxied(..) => None,
        }
    }
}

/// The parts of a configuration that could be parsed, for `check`.
pub(super) struct Parsed {
    pub(super) database: Option<Database>,
    pub(super) listen: Option<SocketAddr>,
    pub(super) files: Option<CertificateFiles>,
    pub(super) metrics_listen: Option<SocketAddr>,
    pub(super) migrates: bool,
    pub(super) proxies: Option<Proxies>,
    pub(super) connections: usize,
    /// The whole; `None` if there is a problem.
    pub(super) config: Option<Config>,
    pub(super) problems: Vec<Problem>,
}

impl Config {
    /// Makes a configuration of the settings of the command line and the environment, which override those of a
    /// file.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with its place and its remedy. If the file cannot be read, that alone.
    pub fn resolve(given: Vec<Given>, file: Option<&Path>) -> Result<Self, Vec<Problem>> {
        let parsed = parse(given, file).map_err(|problem| vec![problem])?;
        parsed.config.ok_or(parsed.problems)
    }
}

impl Config {
    /// Returns the database of a configuration, for the commands beside `serve`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with this setting and with the file.
    pub fn database(given: Vec<Given>, file: Option<&Path>) -> Result<Database, Vec<Problem>> {
        let mut reader = Reader::new(given, file).map_err(|problem| vec![problem])?;
        database(&mut reader).ok_or_else(|| reader.into_problems())
    }
}

/// Parses all settings, and finds every problem. Returns an error if the file cannot be read.
pub(super) fn parse(given: Vec<Given>, file: Option<&Path>) -> Result<Parsed, Problem> {
    let mut reader = Reader::new(given, file)?;
    let database = database(&mut reader);
    let address = reader.one("listen", ADDRESS, parsed);
    let is_listen_wrong = address.is_none() && reader.is_given("listen");
    let address = address.unwrap_or(DEFAULT_LISTEN);
    let files = certificate_files(&mut reader);
    let metrics_listen = reader.one("metrics-listen", ADDRESS, parsed);
    let migrates = !reader.switch("no-migrate");
    let tuning = Tuning::read(&mut reader);
    let proxies = proxies(&mut reader);
    let endpoint = endpoint(&mut reader, address, files.clone(), proxies.clone());
    let (connections, read_proxies) = (tuning.connections, proxies.clone());
    let config = Option::zip(database.clone(), endpoint).map(|(database, endpoint)| Config {
        database,
        endpoint,
        proxies,
        metrics_listen,
        migrates,
        tuning,
    });
    Ok(Parsed {
        database,
        listen: (!is_listen_wrong).then_some(address),
        files,
        metrics_listen,
        migrates,
        proxies: read_proxies,
        connections,
        config: config.filter(|_| reader.problems().is_empty()),
        problems: reader.into_problems(),
    })
}

const ADDRESS: &str = "write an address with a port, such as 0.0.0.0:8200 or [::]:8200";
const PATH: &str = "write the path of a file";
const TIME: &str = "write it like 15s or 1m, up to 1h";
const POSITIVE_TIME: &str = "write it like 30s or 1m, from 1s to 1h";
const FORMAT: &str = "write text or json";
const COUNT: &str = "write a number from 1 to 1000000";

impl Tuning {
    fn read(reader: &mut Reader) -> Self {
        Self {
            drain_delay: reader.one("drain-delay", TIME, time).unwrap_or_default(),
            has_access_log: reader.switch("access-log"),
            log_format: reader.one("log-format", FORMAT, parsed).unwrap_or_default(),
            connections: reader
                .one("max-connections", COUNT, count)
                .unwrap_or(Settings::default().bounds.max_connections),
            client_timeout: reader.one("client-timeout", POSITIVE_TIME, positive_time),
            accept_writes_without_epoch: reader.switch("accept-writes-without-epoch"),
            audit_reads: reader.switch("audit-reads"),
            limits: limits(reader),
        }
    }
}

fn database(reader: &mut Reader) -> Option<Database> {
    let remedy = DATABASE_REMEDY;
    let Some(given) = reader.value("database") else {
        if !reader.is_given("database") {
            reader.refuse("database", "is missing", remedy);
        }
        return None;
    };
    let remedy = match given.starts_with("postgres") {
        true => "write postgres://USER@HOST/DATABASE?password_file=FILE",
        false => remedy,
    };
    let database = given.parse::<Database>();
    // Without the value, which may have a password in it.
    let refuse = |error| reader.refuse("database", error, remedy);
    database.map_err(refuse).ok()
}

fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| text.into())
}

fn certificate_files(reader: &mut Reader) -> Option<CertificateFiles> {
    let certificate = reader.one("tls-cert", PATH, path);
    let key = reader.one("tls-key", PATH, path);
    let (one, other) = match (certificate, key) {
        (Some(certificate), Some(key)) => return Some(CertificateFiles { certificate, key }),
        (Some(_), None) => ("tls-cert", "tls-key"),
        (None, Some(_)) => ("tls-key", "tls-cert"),
        (None, None) => return None,
    };
    if !reader.is_given(other) {
        let problem = format!("is given without --{other}");
        let remedy = "give both, or neither for plain HTTP on a loopback address";
        reader.refuse(one, problem, remedy);
    }
    None
}

fn proxies(reader: &mut Reader) -> Option<Proxies> {
    let remedy = "write a network such as 10.0.0.0/8, or an address";
    let networks = reader.all("trusted-proxy", remedy, proxies::network)?;
    Proxies::new(networks)
}

fn endpoint(
    reader: &mut Reader,
    address: SocketAddr,
    files: Option<CertificateFiles>,
    proxies: Option<Proxies>,
) -> Option<Endpoint> {
    match (files, proxies) {
        (Some(files), _) => Some(Endpoint::Tls(address, files)),
        (None, _) if address.ip().is_loopback() => Some(Endpoint::Loopback(address)),
        (None, Some(proxies)) => Some(Endpoint::Proxied(address, proxies)),
        // Wrong values of these are reported already.
        (None, None) if PROTECTIONS.iter().any(|name| reader.is_given(name)) => None,
        (None, None) => {
            let problem = format!(
                "{address} is not a loopback address, and without TLS everybody on the network could read \
                 the clients' credentials"
            );
            let remedy = "give --tls-cert and --tls-key, or --trusted-proxy with the network of a proxy that does \
                          TLS, or listen on 127.0.0.1";
            reader.refuse("listen", problem, remedy);
            None
        }
    }
}

const PROTECTIONS: [&str; 3] = ["tls-cert", "tls-key", "trusted-proxy"];

/// Parses a duration of up to an hour: `15s`, `1m`, or a number of seconds.
fn time(text: &str) -> Option<Duration> {
    if text.trim() != text {
        return None;
    }
    let seconds = text.parse().ok().map(SignedDuration::from_secs);
    let time = seconds.or_else(|| text.parse().ok())?;
    let time = Duration::try_from(time).ok()?;
    (time <= MAX_TIME).then_some(time)
}

fn positive_time(text: &str) -> Option<Duration> {
    time(text).filter(|time| *time >= Duration::from_secs(1))
}

fn count(text: &str) -> Option<usize> {
    let count = text.parse().ok()?;
    (1..=1_000_000).contains(&count).then_some(count)
}

fn limits(reader: &mut Reader) -> RateLimits {
    let default = RateLimits::default();
    let mut limit = |name, default| {
        let remedy = format!("{InvalidRate}, or off");
        let parse = |text: &str| Rate::parse_limit(text).ok();
        reader.one(name, &remedy, parse).unwrap_or(default)
    };
    RateLimits {
        requests: limit("limit-requests", default.requests),
        logins: limit("limit-logins", default.logins),
        failed_logins: limit("limit-failed-logins", default.failed_logins),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::setting::{Origin, SETTINGS, Setting};

    fn flags(pairs: &[(&str, &str)]) -> Vec<Given> {
        let given = pairs.iter().map(|(name, value)| {
            let values = value.split(' ').map(str::to_owned).collect();
            Setting::named(name).unwrap().given(values, Origin::Flag)
        });
        given.collect()
    }

    const DATABASE: (&str, &str) = ("database", "sqlite:a.db");

    fn resolve(pairs: &[(&str, &str)]) -> Result<Config, String> {
        let mut given = flags(&[DATABASE]);
        given.extend(flags(pairs));
        let join = |problems: Vec<Problem>| {
            let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
            lines.join("\n")
        };
        Config::resolve(given, None).map_err(join)
    }

    #[test]
    fn plain_http_is_refused_where_others_could_read_it() {
        const TLS: [(&str, &str); 2] = [("tls-cert", "a"), ("tls-key", "b")];
        const PROXY: (&str, &str) = ("trusted-proxy", "10.0.0.0/8");
        for listen in ["127.0.0.1:0", "127.9.9.9:1", "[::1]:0"] {
            let alone = resolve(&[("listen", listen)]).unwrap();
            assert!(matches!(alone.endpoint, Endpoint::Loopback(_)), "{listen}");
        }
        for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8200", "10.0.0.1:1"] {
            let refused = resolve(&[("listen", listen)]).unwrap_err();
            for part in [
                "--listen: ",
                "not a loopback address",
                "--tls-cert",
                "--trusted-proxy",
            ] {
                assert!(refused.contains(part), "{refused}");
            }
            let tls = resolve(&[("listen", listen), TLS[0], TLS[1]]).unwrap();
            assert!(matches!(tls.endpoint, Endpoint::Tls(..)), "{listen}");
            let proxied = resolve(&[("listen", listen), PROXY]).unwrap();
            assert!(
                matches!(proxied.endpoint, Endpoint::Proxied(..)),
                "{listen}"
            );
            let both = resolve(&[("listen", listen), PROXY, TLS[0], TLS[1]]).unwrap();
            assert!(matches!(both.endpoint, Endpoint::Tls(..)), "{listen}");
            assert!(both.proxies.is_some());
        }
    }

    #[test]
    fn every_wrong_setting_is_named_with_a_remedy() {
        for (name, value, remedy) in [
            ("database", "postgre:a", "write sqlite:FILE"),
            ("listen", "8200", "write an address with a port"),
            ("tls-cert", "", "write the path"),
            ("tls-cert", "a", "give both"),
            ("tls-key", "a", "give both"),
            ("trusted-proxy", "10.0.0.0/8 x", "write a network"),
            (
                "metrics-listen",
                "localhost:1",
                "write an address with a port",
            ),
            ("drain-delay", "soon", "write it like 15s"),
            ("drain-delay", "2h", "write it like 15s"),
            ("drain-delay", "-1s", "write it like 15s"),
            ("client-timeout", "0", "write it like 30s"),
            ("client-timeout", "500ms", "write it like 30s"),
            ("no-migrate", "yes", "write true or false"),
            ("log-format", "xml", "write text or json"),
            ("max-connections", "0", "write a number"),
            ("limit-logins", "1", "write COUNT/SECONDS"),
        ] {
            let message = resolve(&[(name, value)]).unwrap_err();
            assert!(message.starts_with(&format!("--{name}: ")), "{message}");
            assert!(message.contains(remedy), "{message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
        let secret = resolve(&[("database", "postgre://user:canary@host/db")]).unwrap_err();
        assert!(!secret.contains("canary"), "{secret}");
        let wrong = resolve(&[("listen", "[::]:0"), ("trusted-proxy", "x")]).unwrap_err();
        assert_eq!(wrong.lines().count(), 1, "{wrong}");
        let all = resolve(&[("listen", "x"), ("drain-delay", "x"), ("access-log", "x")]);
        assert_eq!(all.unwrap_err().lines().count(), 3);
        let missing = Config::resolve(Vec::new(), None).unwrap_err();
        assert!(
            missing[0]
                .to_string()
                .starts_with("--database: is missing;")
        );
    }

    /// A wrong value is seen in every layer, with its place, unless a layer above it has another one.
    #[test]
    fn every_setting_is_read_from_every_layer() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("server.toml");
        // Every text is a path.
        let settings = SETTINGS.iter().filter(|it| !it.name.starts_with("tls-"));
        for setting in settings {
            let name = setting.name;
            std::fs::write(&file, format!("{name} = \"?file\"")).unwrap();
            let variable = setting.given(vec!["?variable".to_owned()], Origin::Variable);
            let flag = setting.given(vec!["?flag".to_owned()], Origin::Flag);
            for (given, place) in [
                (vec![], format!("{}, line 1: {name}: ", file.display())),
                (vec![variable.clone()], format!("{}: ", setting.variable)),
                (vec![variable, flag], format!("--{name}: ")),
            ] {
                let problems = Config::resolve(given, Some(&file)).unwrap_err();
                let texts: Vec<String> = problems.iter().map(Problem::to_string).collect();
                let of_it = texts.iter().filter(|it| {
                    it.contains(&format!("{name}: ")) || it.contains(setting.variable)
                });
                let of_it: Vec<_> = of_it.collect();
                assert_eq!(of_it.len(), 1, "{texts:?}");
                assert!(of_it[0].starts_with(&place), "{place}: {of_it:?}");
            }
        }
    }

    #[test]
    fn the_command_line_outweighs_the_environment_and_that_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("server.toml");
        let text = "database = \"sqlite:file.db\"\nlisten = \"127.0.0.1:1\"\ndrain-delay = 1\nlimit-logins = \"off\"";
        std::fs::write(&file, text).unwrap();
        let mut given = vec![
            Setting::named("listen")
                .unwrap()
                .given(vec!["127.0.0.1:2".to_owned()], Origin::Variable),
        ];
        let config = Config::resolve(given.clone(), Some(&file)).unwrap();
        assert_eq!(config.endpoint.address().port(), 2);
        assert_eq!(config.tuning.drain_delay, Duration::from_secs(1));
        assert_eq!(config.tuning.limits.logins, None);
        assert_eq!(config.database.to_string(), "sqlite:file.db");
        given.extend(flags(&[("drain-delay", "later")]));
        let error = Config::resolve(given, Some(&file)).unwrap_err();
        assert_eq!(error.len(), 1, "{error:?}");
        std::fs::write(&file, "\nlisten = \"x\"").unwrap();
        let error = Config::resolve(flags(&[DATABASE]), Some(&file)).unwrap_err();
        let expected = format!("{}, line 2: listen: ", file.display());
        assert!(error[0].to_string().starts_with(&expected), "{error:?}");
    }

    /// The only problem is that of the file, although no database is given.
    #[test]
    fn nothing_that_follows_from_an_unreadable_file_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let problems = |file: &Path| {
            let by_database = Config::database(Vec::new(), Some(file)).err().unwrap();
            let problems = Config::resolve(Vec::new(), Some(file)).err().unwrap();
            assert_eq!(problems, by_database);
            let problems: Vec<_> = problems.iter().map(Problem::to_string).collect();
            problems.join("\n")
        };
        for (path, expected) in [
            (
                "/absent",
                "configuration file /absent: does not exist; correct the path of --config",
            ),
            (
                "/absent/a",
                "configuration file /absent/a: its folder /absent does not exist; correct the path of --config",
            ),
        ] {
            assert_eq!(problems(Path::new(path)), expected);
        }
        let file = folder.path().join("server.toml");
        for (text, end) in [
            ("database = ", "one setting a line"),
            ("database = 1.5", "write a text in quotes, or a number"),
        ] {
            std::fs::write(&file, text).unwrap();
            let found = problems(&file);
            assert!(found.ends_with(end), "{found}");
            assert_eq!(found.lines().count(), 1, "{found}");
        }
        // Without TLS, this address would be refused.
        std::fs::write(
            &file,
            "database = \"sqlite:a\"\nlisten = \"[::]:1\"\ntls-cert = [1]\n",
        )
        .unwrap();
        let error = Config::resolve(Vec::new(), Some(&file)).unwrap_err();
        assert_eq!(error.len(), 1, "{error:?}");
    }
}
