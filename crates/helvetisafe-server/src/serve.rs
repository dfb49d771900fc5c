//! The vault of `helvetisafe-server serve`: TLS, configuration, readiness, drain and metrics.
//!
//! [`Config::resolve`] parses the settings, [`check`] explains everything that is wrong with them, and [`run`]
//! serves until a signal. An application that needs a vault for its tests takes [`Vault`](crate::Vault).
//!
//! ```no_run
//! use std::path::Path;
//!
//! use helvetisafe_server::serve::{Config, run};
//!
//! match Config::resolve(Vec::new(), Some(Path::new("server.toml"))) {
//!     Ok(config) => {
//!         run(config)?;
//!     }
//!     Err(problems) => problems.iter().for_each(|problem| eprintln!("{problem}")),
//! }
//! # Ok::<(), helvetisafe_server::Error>(())
//! ```

mod check;
mod config;
mod file;
mod file_watch;
mod open_files;
mod reader;
mod server;
mod setting;
mod signals;
mod systemd;
mod unknown;
mod waiting;

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, interval_at, sleep};

use crate::runtime::block_on;
use crate::{Error, log};
use file_watch::FileWatch;
use server::Server;
use signals::{Signal, Signals};

pub use crate::problem::Problem;
pub use check::{Checked, Report, Status, check};
pub use config::Config;
pub use setting::{Given, Kind, Origin, SETTINGS, Setting};
pub use unknown::unknown_variables;

const DAY: Duration = Duration::from_secs(86_400);

/// The end of a vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// The first signal was followed: requests in flight had up to 5 s, and the database is closed.
    Clean,
    /// A second signal cut requests in flight off. No acknowledged write is lost. The process should end now,
    /// since threads of the vault still run.
    AtOnce,
}

/// Serves until SIGTERM or Ctrl-C. If PostgreSQL cannot be reached at the start, it is tried again without end; until then
/// `/health` is 200, and `/ready` 503. After the signal, `/ready` answers 503, and after the drain delay the vault stops like
/// [`Vault::stop`](crate::Vault::stop). A second signal ends it at once. SIGHUP loads the certificate and its
/// key again, as a change of the files does.
///
/// # Errors
///
/// [`Error::Certificate`] for the certificate and its key, [`Error::Problem`] for the schema of the database, and those of
/// [`VaultBuilder::start`](crate::VaultBuilder::start). An error is also written to the log.
pub fn run(config: Config) -> Result<Ending, Error> {
    let _log = log::Writer::start().map_err(Error::Thread)?;
    log::set_format(config.tuning.log_format);
    log::add_time();
    log::info(&format_args!(
        "starts version {} with the database {}",
        env!("CARGO_PKG_VERSION"),
        config.database
    ));
    let ended = block_on(serve(config));
    ended.inspect_err(|error| log::error(error))
}

async fn serve(config: Config) -> Result<Ending, Error> {
    // First, so that a signal during the start leads to a clean stop.
    let mut signals = Signals::register().map_err(Error::Thread)?;
    let drain_delay = config.tuning.drain_delay;
    let mut watch = FileWatch::new(config.endpoint.files().cloned());
    let starting = systemd::starting();
    let server = tokio::select! {
        server = Server::start(config) => server?,
        // A start that waits for its database has nothing to finish. Another one is not interrupted.
        () = signals.stop() => {
            systemd::stopping();
            log::info(&"stopped before the database was reached");
            return Ok(Ending::Clean);
        }
    };
    drop(starting);
    systemd::ready();
    reload_until_stop(&server, &mut signals, &mut watch).await;
    stop(server, drain_delay, &mut signals).await
}

async fn reload_until_stop(server: &Server, signals: &mut Signals, watch: &mut FileWatch) {
    let mut days = interval_at(Instant::now() + DAY, DAY);
    loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Signal::Stop => return,
                Signal::Reload => {
                    systemd::reloading();
                    watch.observe();
                    server.reload();
                    systemd::ready();
                }
            },
            () = watch.changed() => server.reload(),
            // An expiry that has come near since the last load is logged.
            _ = days.tick() => server.observe_certificate(),
        }
    }
}

/// Drains and stops, unless another signal arrives.
async fn stop(
    server: Server,
    drain_delay: Duration,
    signals: &mut Signals,
) -> Result<Ending, Error> {
    systemd::stopping();
    server.drain();
    if !drain_delay.is_zero() {
        log::info(&format_args!("draining for {drain_delay:?}, then stopping"));
    }
    let (sender, stopped) = oneshot::channel();
    let stopping = async {
        sleep(drain_delay).await;
        // In a thread of its own, since a second signal does not wait for it.
        std::thread::spawn(move || sender.send(server.stop()));
        stopped.await.unwrap_or(Err(Error::Stopped))
    };
    let mut stopping = Box::pin(stopping);
    tokio::select! {
        stopped = &mut stopping => {
            stopped?;
            log::info(&"stopped");
            Ok(Ending::Clean)
        }
        () = signals.stop() => {
            // Dropping the server would wait for its requests.
            std::mem::forget(stopping);
            log::info(&"stopped at once by a second signal; requests in flight were cut off");
            Ok(Ending::AtOnce)
        }
    }
}
