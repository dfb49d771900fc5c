//! The handle of a running vault, and its builder.

pub(crate) mod connections;
mod slots;
mod thread;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};

use crate::faults::Faults;
use crate::limits::LimitClock;
use crate::shared::{Settings, Shared};
use crate::store::{Place, StoreError};
use crate::{Error, RateLimits};
use thread::Running;

pub(crate) use connections::Bounds;
pub(crate) use slots::Peer;

/// A running vault: it serves HTTP on a loopback address, from its own thread with its own runtime.
///
/// No method needs an async runtime, and each may be called inside one: it blocks for as long as
/// its work in the database takes. Dropping the vault stops it like [`stop`](Self::stop), errors
/// aside.
pub struct Vault {
    address: SocketAddr,
    base_url: String,
    shared: Arc<Shared>,
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Vault {
    /// A vault in memory on a free port of 127.0.0.1, for the tests of an application.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`] or [`Error::Thread`] when the operating system has no port or thread left.
    pub fn ephemeral() -> Result<Self, Error> {
        Self::builder().start()
    }

    /// A vault with other settings.
    pub fn builder() -> VaultBuilder {
        VaultBuilder::default()
    }

    /// Where it serves: `http://ADDRESS:PORT`, without a trailing slash.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Where it listens, with the port that was chosen where 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it: no new connection is accepted, requests under way get up to 5 s to finish, the
    /// database is closed. Every acknowledged write is kept where the vault has a file.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] when the vault's thread had ended before.
    pub fn stop(mut self) -> Result<(), Error> {
        self.shut_down()
    }

    fn shut_down(&mut self) -> Result<(), Error> {
        drop(self.stop.take());
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        thread.join().unwrap_or(Err(Error::Stopped))
    }

    /// Does work in the vault's runtime and waits for it. The caller's thread only waits on a
    /// channel, which is allowed in another runtime too.
    pub(crate) fn run<T, F>(&self, work: impl FnOnce(Arc<Shared>) -> F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let (sender, receiver) = mpsc::sync_channel(1);
        let work = work(Arc::clone(&self.shared));
        self.runtime.spawn(async move {
            // The receiver waits below for as long as this task lives.
            let _ = sender.send(work.await);
        });
        let done = receiver.recv().map_err(|_| Error::Stopped)?;
        done.map_err(|error| self.shared.store.error(error))
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        // Whoever wants to know calls `stop`.
        let _ = self.shut_down();
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault")
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

/// Settings of a [`Vault`].
#[derive(Clone, Debug)]
#[must_use]
pub struct VaultBuilder {
    listen: SocketAddr,
    place: Place,
    settings: Settings,
    faults: Option<Faults>,
}

impl Default for VaultBuilder {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            place: Place::Memory,
            settings: Settings {
                token_life: Duration::from_secs(3600),
                body_limit: 2 * 1024 * 1024,
                body_budget: 32 * 1024 * 1024,
                answer_budget: 128 * 1024 * 1024,
                sweep_interval: Duration::from_secs(60),
                bounds: Bounds {
                    patience: Duration::from_secs(30),
                    connections: 512,
                },
                rate_limits: RateLimits::default(),
                limit_clock: LimitClock::default(),
            },
            faults: None,
        }
    }
}

impl VaultBuilder {
    /// Where to listen: a loopback address, by default 127.0.0.1; port 0, the default, is any that
    /// is free.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// The file of the database, made with mode 0600 where there is none. Without it all is in
    /// memory and gone when the vault stops.
    ///
    /// Beside it stand `-wal` and `-shm` files while the vault runs, and a `.lock` file.
    pub fn state(mut self, database: impl Into<PathBuf>) -> Self {
        self.place = Place::File(database.into());
        self
    }

    /// How long an access token lives; 3600 s by default. A client is told the whole seconds.
    pub fn token_life(mut self, life: Duration) -> Self {
        self.settings.token_life = life;
        self
    }

    /// The most bytes of a request body; by default 2 MiB, which fits a secret of 1 MiB after
    /// encryption and base64.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.settings.body_limit = bytes;
        self
    }

    /// The most bytes that the bodies of all requests in flight may take together, at least those of one;
    /// by default 32 MiB. What is over it is answered 503 with `Retry-After`.
    pub fn body_budget(mut self, bytes: usize) -> Self {
        self.settings.body_budget = bytes;
        self
    }

    /// The most bytes that the secrets and lists may take together that are cached or being sent; by
    /// default 128 MiB. When slow readers hold that much, further reads are answered 503 with
    /// `Retry-After`. One answer is always possible, however large.
    pub fn answer_budget(mut self, bytes: usize) -> Self {
        self.settings.answer_budget = bytes;
        self
    }

    /// How often expired secrets and tokens are removed from the database; 60 s by default, at
    /// least 10 ms. It is housekeeping: what has expired cannot be read from that moment on.
    pub fn sweep_interval(mut self, interval: Duration) -> Self {
        self.settings.sweep_interval = interval.max(Duration::from_millis(10));
        self
    }

    /// Lets the vault misbehave on purpose, for tests: see [`faults`](crate::faults).
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = Some(faults);
        self
    }

    /// What each account may ask; by default what [`RateLimits::default`] says.
    pub fn rate_limits(mut self, limits: RateLimits) -> Self {
        self.settings.rate_limits = limits;
        self
    }

    /// The time that the rates run on, in place of the machine's: since any fixed moment, and never
    /// going back. For tests that must not wait.
    pub fn rate_clock(mut self, now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        self.settings.limit_clock = LimitClock::new(now);
        self
    }

    /// How long a client may take to send the head of a request, to send its body, or to read on in
    /// an answer, and how long a connection may be idle between two requests; 30 s by default. After
    /// that it is closed; a body that is too slow is answered 408 first.
    pub fn client_timeout(mut self, patience: Duration) -> Self {
        self.settings.bounds.patience = patience;
        self
    }

    /// The number of connections served at a time, at least 1; 512 by default. Further ones wait. While
    /// one does, a connection on which no valid credential was seen is closed once it has been idle for
    /// 100 ms, or was accepted a second ago, even in the middle of a request; the one whose time was over
    /// first goes first. Connections on which a valid credential was seen stay.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.settings.bounds.connections = connections.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// Starts the vault; when this returns it accepts connections.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoopback`], [`Error::AddressInUse`] or [`Error::Listen`] for the address;
    /// [`Error::File`], [`Error::Exposed`], [`Error::Locked`] or [`Error::Database`] for the
    /// database; [`Error::Thread`] when the operating system has no thread left.
    pub fn start(self) -> Result<Vault, Error> {
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("helvetisafe-vault".to_owned())
            .spawn(move || thread::run(self, &ready, stopped))
            .map_err(Error::Thread)?;
        match started.recv() {
            Ok(Running {
                address,
                shared,
                runtime,
            }) => Ok(Vault {
                address,
                base_url: format!("http://{address}"),
                shared,
                runtime,
                stop: Some(stop),
                thread: Some(thread),
            }),
            // It ended without being ready, so it has an error.
            Err(_) => Err(thread
                .join()
                .unwrap_or(Ok(()))
                .err()
                .unwrap_or(Error::Stopped)),
        }
    }
}
