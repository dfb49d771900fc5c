//! The search for further hosts of the URL that accept writes, such as an old primary that was started again after a failover.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sqlx::{ConnectOptions, Connection, Error};
use tokio::time::timeout;

use super::Address;
use crate::lock::lock;

/// The time between two searches.
const INTERVAL: Duration = Duration::from_secs(10);

/// The timeout of each host.
const WAIT: Duration = Duration::from_secs(2);

/// The hosts that accept writes, as the last search has found them. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Primaries {
    last: Arc<Mutex<Search>>,
}

#[derive(Default)]
struct Search {
    began: Option<Instant>,
    found: Option<Vec<String>>,
}

impl Primaries {
    /// Returns the names of the hosts that accept writes; `None` for one host, and before the first search has ended. Starts a
    /// search if the last one is old, and does not wait for it.
    pub(super) fn found(&self, address: &Address) -> Option<Vec<String>> {
        if address.host_count() == 1 {
            return None;
        }
        let mut last = lock(&self.last);
        if last.began.is_none_or(|at| at.elapsed() >= INTERVAL) {
            last.began = Some(Instant::now());
            let (shared, address) = (Arc::clone(&self.last), address.clone());
            let before = last.found.clone().unwrap_or_default();
            tokio::spawn(async move {
                let found = search(&address, &before).await;
                lock(&shared).found = Some(found);
            });
        }
        last.found.clone()
    }
}

/// Returns the hosts that accept writes, each server once: it may have several names. A host that refuses the connection, such as
/// for too many clients, is as it was `before`. One that cannot be reached accepts none.
async fn search(address: &Address, before: &[String]) -> Vec<String> {
    let (mut names, mut servers) = (Vec::new(), Vec::new());
    for host in 0..address.host_count() {
        let name = address.host_name(host);
        match timeout(WAIT, primary(address, host)).await {
            Ok(Ok(Some(server))) if !servers.contains(&server) => {
                names.push(name);
                servers.push(server);
            }
            Ok(Err(Error::Database(_))) if before.contains(&name) => names.push(name),
            _ => {}
        }
    }
    names
}

/// Returns the start of a server that accepts writes, which identifies it.
async fn primary(address: &Address, host: usize) -> Result<Option<String>, Error> {
    let mut connection = address.options(host)?.connect().await?;
    let query =
        "SELECT current_setting('transaction_read_only') = 'off', pg_postmaster_start_time()::text";
    let (is_primary, start): (bool, String) =
        sqlx::query_as(query).fetch_one(&mut connection).await?;
    // The answer is complete, so a failure to close the connection does not matter.
    let _ = connection.close().await;
    Ok(is_primary.then_some(start))
}
