//! The handle of a running vault, and its start.

mod builder;
mod front;
mod thread;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::Error;
use crate::shared::Shared;
use crate::store::StoreError;
use thread::Running;

pub use builder::VaultBuilder;
pub(crate) use front::{Front, Protection};
pub(crate) use thread::{bind, serve_protected};

/// A running vault. It serves HTTP on a loopback address, from its own thread with its own runtime.
///
/// The methods need no async runtime, but may be called inside one. They block while the database works.
/// Dropping the vault stops it like [`stop`](Self::stop) and ignores errors.
pub struct Vault {
    running: Running,
    base_url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Vault {
    /// Starts a vault in memory on a free port of 127.0.0.1, for the tests of an application.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`] or [`Error::Thread`] when the operating system has no free port or thread.
    pub fn ephemeral() -> Result<Self, Error> {
        Self::builder().start()
    }

    /// Returns a builder for a vault with other settings.
    pub fn builder() -> VaultBuilder {
        VaultBuilder::default()
    }

    /// Returns the base URL, `http://ADDRESS:PORT` for a vault of this library, without a trailing slash.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Returns the address it listens on, with the actual port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// Returns the address of the metrics, with the actual port; `None` without a listener for them.
    pub(crate) fn metrics_address(&self) -> Option<SocketAddr> {
        self.running.metrics_address
    }

    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.running.shared
    }

    /// Makes `/ready` answer 503 from now on.
    pub(crate) fn drain(&self) {
        self.running.shared.readiness.drain();
    }

    /// Stops the vault. It accepts no more connections, gives requests in flight up to 5 s to finish, and
    /// closes the database. A vault with a file loses no acknowledged write.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] when the vault's thread has ended already.
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

    /// Runs `work` in the vault's runtime and waits for the result. The caller's thread waits on a channel,
    /// which is possible inside another runtime too.
    pub(crate) fn run<T, F>(&self, work: impl FnOnce(Arc<Shared>) -> F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let (sender, receiver) = mpsc::sync_channel(1);
        let work = work(Arc::clone(&self.running.shared));
        self.running.runtime.spawn(async move {
            // The receiver below lives until this task ends.
            let _ = sender.send(work.await);
        });
        let done = receiver.recv().map_err(|_| Error::Stopped)?;
        done.map_err(|error| self.running.shared.store.error(error))
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        // `stop` reports the error.
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

impl VaultBuilder {
    /// Starts the vault, and returns when it accepts connections.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoopback`], [`Error::AddressInUse`] or [`Error::Listen`] for the address;
    /// [`Error::Problem`], [`Error::File`], [`Error::Exposed`], [`Error::Locked`] or [`Error::Database`] for the
    /// database; [`Error::Thread`] when the operating system has no free thread.
    pub fn start(self) -> Result<Vault, Error> {
        let scheme = self.front.protection.scheme();
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("helvetisafe-vault".to_owned())
            .spawn(move || thread::run(self, &ready, stopped))
            .map_err(Error::Thread)?;
        match started.recv() {
            Ok(running) => Ok(Vault {
                base_url: format!("{scheme}://{}", running.address),
                running,
                stop: Some(stop),
                thread: Some(thread),
            }),
            // The thread ended before it was ready, so it returns an error.
            Err(_) => Err(thread
                .join()
                .unwrap_or(Ok(()))
                .err()
                .unwrap_or(Error::Stopped)),
        }
    }
}
