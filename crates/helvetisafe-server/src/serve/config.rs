//! The settings of `serve`, parsed once.

mod endpoint;
mod tuning;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use super::reader::{Reader, parsed};
use super::setting::Given;
use crate::Database;
use crate::problem::Problem;
use crate::proxies::Proxies;
use crate::tls::CertificateFiles;
use endpoint::{certificate_files, endpoint, proxies};
use tuning::Tuning;

pub(super) use endpoint::Endpoint;

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8200);
const DATABASE_REMEDY: &str = "write sqlite:FILE, such as sqlite:/var/lib/helvetisafe/vault.db, or \
     postgres://HOST/DATABASE";
const ADDRESS: &str = "write an address with a port, such as 0.0.0.0:8200 or [::]:8200";

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

#[cfg(test)]
mod tests;
