//! Connections that are opened before the request that needs them.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::unversioned::transport::{ConnectionDetails, Connector};

use super::progress::Progress;

/// The longest wait for a request. The vault may close a connection that is idle for longer.
const READY_FOR: Duration = Duration::from_secs(5);

/// Sets connections aside that [`Progress::is_ahead`] asks for, and hands them out to later requests.
#[derive(Debug)]
pub(super) struct ReadyConnector<C: Connector> {
    connector: C,
    ready: Mutex<Vec<(Instant, C::Out)>>,
}

impl<C: Connector> ReadyConnector<C> {
    pub(super) fn new(connector: C) -> Self {
        Self {
            connector,
            ready: Mutex::default(),
        }
    }

    /// Takes the connection that was opened last. It is not probed: after a TLS handshake there are unread bytes.
    fn take(&self) -> Option<C::Out> {
        let mut ready = self.lock();
        ready.retain(|(since, _)| since.elapsed() < READY_FOR);
        ready.pop().map(|(_, connection)| connection)
    }

    /// The list is consistent even after a panic, so poison does not matter.
    fn lock(&self) -> MutexGuard<'_, Vec<(Instant, C::Out)>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Connector> Connector for ReadyConnector<C> {
    type Out = C::Out;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        if Progress::current().is_ahead {
            let connection = self.connector.connect(details, chained)?;
            self.lock()
                .extend(connection.map(|it| (Instant::now(), it)));
            // Ends the request, which is not to be sent.
            return Err(Error::Other(Box::new(Ahead)));
        }
        match self.take() {
            Some(connection) => Ok(Some(connection)),
            None => self.connector.connect(details, chained),
        }
    }
}

/// The end of a request that only opened a connection.
#[derive(Debug)]
struct Ahead;

impl fmt::Display for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is set aside")
    }
}

impl std::error::Error for Ahead {}
