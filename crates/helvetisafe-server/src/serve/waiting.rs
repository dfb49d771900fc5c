//! The start while PostgreSQL cannot be reached. `/health` answers, so that nothing restarts the vault, which would not help.
//! `/ready` and every other call are 503.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::http::Calls;
use crate::observed_calls::ObservedCalls;
use crate::settings::Bounds;
use crate::store::{Database, Migrations, StoreError};
use crate::vault::{Protection, bind, serve_protected};
use crate::{Error, log};

/// The pause after the first attempt. It doubles up to the longest one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The longest time for requests in flight to finish before the vault serves.
const GRACE: Duration = Duration::from_secs(1);

/// The listener of a vault that waits for its database.
pub(super) struct Waiting {
    pub(super) listen: SocketAddr,
    pub(super) protection: Protection,
    pub(super) bounds: Bounds,
}

impl Waiting {
    /// Returns the migrations of the database as soon as it is reached. Other failures end the start.
    pub(super) async fn migrations(self, database: &Database) -> Result<Migrations, Error> {
        let reason = match database.migrations().await {
            Err(StoreError::Unavailable(reason)) => reason,
            found => return found.map_err(|error| database.error(error)),
        };
        log_unreached(&reason);
        let (listener, address) = bind(self.listen, &self.protection).await?;
        let scheme = self.protection.scheme();
        log::info(&format_args!(
            "until then {scheme}://{address}/health is 200, and every other call 503"
        ));
        let (stop, stopped) = oneshot::channel::<()>();
        let answering = tokio::spawn(self.answer(listener, stopped));
        let found = retry(database, reason).await;
        drop(stop);
        // The address is free when the listener is dropped, which is at once.
        let _ = timeout(GRACE, answering).await;
        found
    }

    async fn answer(self, listener: TcpListener, stopped: oneshot::Receiver<()>) {
        let stop = async {
            let _ = stopped.await;
        };
        let calls = ObservedCalls::unobserved(Calls::without_database());
        let counts = Default::default();
        serve_protected(listener, self.protection, calls, self.bounds, counts, stop).await;
    }
}

/// Tries until the database is reached. A reason is logged when it changes.
async fn retry(database: &Database, mut reason: String) -> Result<Migrations, Error> {
    let mut pause = FIRST_PAUSE;
    loop {
        sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
        match database.migrations().await {
            Err(StoreError::Unavailable(now)) if now == reason => {}
            Err(StoreError::Unavailable(now)) => {
                log_unreached(&now);
                reason = now;
            }
            found => {
                let found = found.map_err(|error| database.error(error))?;
                log::info(&"the database is reached");
                return Ok(found);
            }
        }
    }
}

fn log_unreached(reason: &str) {
    let pause = LONGEST_PAUSE.as_secs();
    log::error(&format_args!(
        "not ready: the database cannot be reached: {reason}; trying again, at least every {pause} s"
    ));
}
