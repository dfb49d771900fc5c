//! The settings of a vault.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::Front;
use crate::RateLimits;
#[cfg(feature = "faults")]
use crate::faults::Faults;
use crate::limits::LimitClock;
use crate::settings::Settings;
use crate::store::Database;

/// Settings of a [`Vault`](crate::Vault).
#[derive(Clone, Debug)]
#[must_use]
pub struct VaultBuilder {
    pub(super) listen: SocketAddr,
    pub(super) database: Option<Database>,
    pub(super) settings: Settings,
    pub(super) front: Front,
    #[cfg(feature = "faults")]
    pub(super) faults: Option<Faults>,
}

impl Default for VaultBuilder {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            database: None,
            settings: Settings::default(),
            front: Front::default(),
            #[cfg(feature = "faults")]
            faults: None,
        }
    }
}

impl VaultBuilder {
    /// Sets the loopback address to listen on; 127.0.0.1 by default. Port 0, the default, is any free port.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Sets the database file, which is made with mode 0600 if it does not exist. Without a file all data
    /// is in memory and lost when the vault stops.
    ///
    /// `-wal` and `-shm` files are beside it while the vault runs, and always a `.lock` file.
    pub fn state(mut self, database: impl Into<PathBuf>) -> Self {
        self.database = Some(Database::file(database));
        self
    }

    /// Sets the database; SQLite in memory by default. [`state`](Self::state) sets one in a file.
    pub fn database(mut self, database: Database) -> Self {
        self.database = Some(database);
        self
    }

    pub(crate) fn chosen_database(&self) -> Option<&Database> {
        self.database.as_ref()
    }

    /// Sets the lifetime of access tokens; 3600 s by default. Clients receive it in whole seconds.
    pub fn token_life(mut self, life: Duration) -> Self {
        self.settings.token_life = life;
        self
    }

    /// Sets the largest request body in bytes; 2 MiB by default, enough for a secret of 1 MiB after
    /// encryption and base64.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.settings.body_limit = bytes;
        self
    }

    /// Sets the memory of all request bodies in flight in bytes, at least the size of one body; 32 MiB by
    /// default. A request beyond it is answered 503 with `Retry-After`.
    pub fn body_budget(mut self, bytes: usize) -> Self {
        self.settings.body_budget = bytes;
        self
    }

    /// Sets the memory of all secrets and lists that are being sent, of pages that are being read, and of cached lists,
    /// in bytes; 128 MiB by default. If slow clients use all of it, further reads are answered 503 with `Retry-After`.
    /// A single answer may be larger.
    pub fn answer_budget(mut self, bytes: usize) -> Self {
        self.settings.answer_budget = bytes;
        self
    }

    /// Sets the time between two removals of expired secrets and tokens from the database; 60 s by default,
    /// at least 10 ms. Expired secrets and tokens cannot be read even before they are removed.
    pub fn sweep_interval(mut self, interval: Duration) -> Self {
        self.settings.sweep_interval = interval.max(Duration::from_millis(10));
        self
    }

    /// Sets how clients reach the vault, and what observes their requests.
    pub(crate) fn front(mut self, front: Front) -> Self {
        self.front = front;
        self
    }

    /// Lets the vault misbehave on purpose, for tests: see [`faults`](crate::faults).
    #[cfg(feature = "faults")]
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = Some(faults);
        self
    }

    /// Accepts creates and updates without `keyEpoch` after the org key was replaced; refused by default. A client that
    /// does not send it, such as the published Python client, may then store a value under the old org key, which
    /// others cannot open.
    pub fn accept_writes_without_epoch(mut self, accept: bool) -> Self {
        self.settings.accept_writes_without_epoch = accept;
        self
    }

    /// Records reads of secrets in the audit record; by default only administrative acts are. They are written a second later, many
    /// at a time, so that no read waits; a vault that is killed loses the last second.
    pub fn audit_reads(mut self, audit: bool) -> Self {
        self.settings.audit_reads = audit;
        self
    }

    /// Sets the time for which the replacement of an org key excludes others, after its begin and after each staging of
    /// secrets; 5 min by default.
    pub fn rotation_lease(mut self, lease: Duration) -> Self {
        self.settings.rotation_lease = lease;
        self
    }

    /// Sets the rate limits of each account; [`RateLimits::default`] by default.
    pub fn rate_limits(mut self, limits: RateLimits) -> Self {
        self.settings.rate_limits = limits;
        self
    }

    /// Sets the clock of the rate limits, for tests that must not wait. It returns the time since a fixed
    /// moment, and never goes back.
    pub fn rate_clock(mut self, now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        self.settings.limit_clock = LimitClock::new(now);
        self
    }

    /// Sets the longest time for a client to send the head of a request, to send its body, or to continue
    /// reading an answer, and for a connection to be idle; 30 s by default. Then the connection is closed; a
    /// body that is too slow is answered 408 first.
    pub fn client_timeout(mut self, timeout: Duration) -> Self {
        self.settings.bounds.client_timeout = timeout;
        self
    }

    /// Sets the number of connections served at the same time, at least 1; 512 by default. Further ones
    /// wait. While one waits, connections that have not sent a valid credential in the last minute, or have sent
    /// an invalid one since, are closed, one at a time, if they have been idle for 100 ms or are a second old,
    /// even during a request. The one that reached its limit first is closed first.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.settings.bounds.max_connections = connections.clamp(1, Semaphore::MAX_PERMITS);
        self
    }
}
