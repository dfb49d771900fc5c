//! A started vault with what the command changes while it runs.

use std::sync::Arc;

use jiff::Timestamp;

use super::config::{Config, Endpoint};
use super::open_files;
use super::waiting::Waiting;
use crate::problem::Problem;
use crate::settings::Bounds;
use crate::store::{Database, Schema, incompatible};
use crate::telemetry::{AccessLog, Metrics, Telemetry};
use crate::tls::Tls;
use crate::vault::{Front, Protection};
use crate::{Error, Vault, log};

pub(super) struct Server {
    vault: Vault,
    tls: Option<Arc<Tls>>,
    metrics: Arc<Metrics>,
}

impl Server {
    /// Loads the certificate, waits for the database, checks its schema, and starts the vault.
    pub(super) async fn start(config: Config) -> Result<Self, Error> {
        let address = config.endpoint.address();
        let (protection, tls) = protection(config.endpoint)?;
        let mut bounds = Bounds::default();
        bounds.client_timeout = config
            .tuning
            .client_timeout
            .unwrap_or(bounds.client_timeout);
        bounds.max_connections = open_files::fit(config.tuning.connections);
        let waiting = Waiting {
            listen: address,
            protection: protection.clone(),
            bounds,
        };
        let migrations = waiting.migrations(&config.database).await?;
        // A newer version's tables are refused, and pending migrations if they must not be applied.
        if let Some(problem) =
            schema_problem(&config.database, migrations.schema(), config.migrates)
        {
            return Err(problem.into());
        }
        let metrics = Arc::new(metrics(tls.is_some(), &config.database));
        let access_log = config.tuning.has_access_log;
        let access_log = access_log.then(|| AccessLog::new(Arc::clone(&metrics)));
        let telemetry = Telemetry {
            metrics: Arc::clone(&metrics),
            access_log,
            proxies: config.proxies,
        };
        let connections = config.tuning.connections;
        let max = i64::try_from(bounds.max_connections).unwrap_or(i64::MAX);
        metrics.connections.max.set(max);
        let builder = Vault::builder()
            .listen(address)
            .database(config.database)
            .rate_limits(config.tuning.limits)
            .accept_writes_without_epoch(config.tuning.accept_writes_without_epoch)
            .audit_reads(config.tuning.audit_reads)
            .max_connections(bounds.max_connections)
            .client_timeout(bounds.client_timeout)
            .front(Front {
                protection,
                telemetry: Some(telemetry),
                metrics_listen: config.metrics_listen,
            });
        let server = Self {
            vault: builder.start()?,
            tls,
            metrics,
        };
        server.introduce();
        if let Some(problem) = open_files::problem(connections) {
            log::warning(&problem);
        }
        Ok(server)
    }

    fn introduce(&self) {
        log::info(&format_args!("serves {}", self.vault.base_url()));
        if let Some(address) = self.vault.metrics_address() {
            log::info(&format_args!("serves metrics at http://{address}/metrics"));
        }
        self.observe_certificate();
    }

    /// Loads the certificate and its key again. After an error, which is logged, the old pair stays.
    pub(super) fn reload(&self) {
        let Some(tls) = &self.tls else {
            log::info(&"nothing to reload: there is no certificate");
            return;
        };
        let loaded = tls.reload();
        self.metrics.count_reload(loaded.is_ok());
        match loaded {
            Ok(()) => {
                log::info(&format_args!(
                    "loaded the certificate, which expires at {}",
                    tls.expires_at()
                ));
                self.observe_certificate();
            }
            Err(problem) => {
                log::error(&format_args!(
                    "{problem}; until then the vault serves the certificate that it has"
                ));
            }
        }
    }

    /// Records the expiry of the certificate, and logs warnings about it.
    pub(super) fn observe_certificate(&self) {
        let Some(tls) = &self.tls else { return };
        self.metrics.set_expiry(tls.expires_at());
        for warning in tls.warnings(Timestamp::now()) {
            log::warning(&warning);
        }
    }

    /// Makes `/ready` answer 503.
    pub(super) fn drain(&self) {
        self.vault.drain();
    }

    /// Stops the vault.
    pub(super) fn stop(self) -> Result<(), Error> {
        self.vault.stop()
    }
}

/// Returns the metrics that apply to this vault.
fn metrics(has_tls: bool, database: &Database) -> Metrics {
    let mut metrics = Metrics::new();
    if has_tls {
        metrics.register_tls();
    }
    if database.is_shared() {
        metrics.register_database();
    }
    if database.sqlite_file().is_some() {
        metrics.register_file();
    }
    metrics
}

fn protection(endpoint: Endpoint) -> Result<(Protection, Option<Arc<Tls>>), Error> {
    Ok(match endpoint {
        Endpoint::Tls(_, files) => {
            let tls = Arc::new(Tls::load(files).map_err(Error::Certificate)?);
            (Protection::Tls(Arc::clone(&tls)), Some(tls))
        }
        Endpoint::Loopback(_) => (Protection::Loopback, None),
        Endpoint::Proxied(_, proxies) => (Protection::Proxies(proxies), None),
    })
}

/// Returns the reason not to serve a database with this schema.
pub(super) fn schema_problem(
    database: &Database,
    schema: Schema,
    migrates: bool,
) -> Option<Problem> {
    let subject = format!("database {database}");
    let remedy = database.migrate_remedy();
    match schema {
        Schema::Incompatible => Some(incompatible(&database.to_string())),
        Schema::Behind(count) if !migrates => {
            let problem = format_args!("has pending migrations ({count})");
            Some(Problem::new(subject, problem, remedy))
        }
        Schema::Absent if !migrates => Some(Problem::new(subject, "has no tables", remedy)),
        Schema::Absent | Schema::Behind(_) | Schema::Current | Schema::Ahead => None,
    }
}
