//! The transport and the clock of an asynchronous client, and the runtime made of them.

use std::fmt;
use std::sync::Arc;

use crate::builder::ClientBuilder;
use crate::clock::{AsyncClock, SystemClock};
use crate::config_error::ConfigError;
use crate::http::hyper::HyperTransport;
use crate::http::{Addresses, AsyncTransport, ConnectionSettings, PerAddress};
use crate::limits::Timeouts;
use crate::runtime::Tokio;

/// The transport and the clock of an [`AsyncClient`](super::AsyncClient), if they are not the default ones.
#[derive(Default)]
pub struct AsyncParts {
    transport: Option<Arc<dyn AsyncTransport>>,
    around: Option<Box<Around>>,
    clock: Option<Arc<dyn AsyncClock>>,
}

impl fmt::Debug for AsyncParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncParts").finish_non_exhaustive()
    }
}

/// Wraps a transport.
type Around = dyn FnOnce(Arc<dyn AsyncTransport>) -> Arc<dyn AsyncTransport> + Send;

impl<A> ClientBuilder<AsyncParts, A> {
    /// Sets the transport. It is then responsible for the timeouts for connecting and for silence, for
    /// certificates and for proxies.
    ///
    /// ```no_run
    /// use helvetisafe::reexports::http::{Request, Response};
    /// use helvetisafe::{AsyncClient, TransportError};
    ///
    /// # async fn example() -> Result<(), helvetisafe::Error> {
    /// let recorded = |_: Request<Vec<u8>>| async { Ok::<_, TransportError>(Response::new(b"{}".to_vec())) };
    /// let client = AsyncClient::builder_from_env()?.transport(recorded).connect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn transport(mut self, transport: impl AsyncTransport + 'static) -> Self {
        self.parts_mut().transport = Some(Arc::new(transport));
        self
    }

    /// Wraps the default transport, or that of [`Self::transport`], as [`ClientBuilder::around_transport`] of
    /// the blocking client does.
    ///
    /// ```no_run
    /// use std::sync::Arc;
    ///
    /// use helvetisafe::reexports::http::Request;
    /// use helvetisafe::{Answer, AsyncClient, AsyncTransport};
    ///
    /// struct Counted(Arc<dyn AsyncTransport>);
    ///
    /// impl AsyncTransport for Counted {
    ///     fn send(&self, request: Request<Vec<u8>>) -> Answer<'_> {
    ///         println!("{}", request.method());
    ///         self.0.send(request)
    ///     }
    /// }
    ///
    /// # async fn example() -> Result<(), helvetisafe::Error> {
    /// let client = AsyncClient::builder_from_env()?.around_transport(Counted).connect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn around_transport<T: AsyncTransport + 'static>(
        mut self,
        around: impl FnOnce(Arc<dyn AsyncTransport>) -> T + Send + 'static,
    ) -> Self {
        self.parts_mut().around = Some(Box::new(|inner| Arc::new(around(inner))));
        self
    }

    /// Sets the clock, for tests.
    ///
    /// ```no_run
    /// use std::future::Future;
    /// use std::pin::Pin;
    /// use std::time::Duration;
    ///
    /// use helvetisafe::{AsyncClient, AsyncClock, Clock};
    ///
    /// /// A clock that stands still. Its waits end at once.
    /// struct Still;
    ///
    /// impl Clock for Still {
    ///     fn now(&self) -> Duration {
    ///         Duration::ZERO
    ///     }
    ///
    ///     fn sleep(&self, _: Duration) {}
    /// }
    ///
    /// impl AsyncClock for Still {
    ///     fn sleep_async(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
    ///         Box::pin(async {})
    ///     }
    /// }
    ///
    /// # async fn example() -> Result<(), helvetisafe::Error> {
    /// let client = AsyncClient::builder_from_env()?.clock(Still).connect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn clock(mut self, clock: impl AsyncClock + 'static) -> Self {
        self.parts_mut().clock = Some(Arc::new(clock));
        self
    }
}

/// Makes the runtime of a client.
pub(super) fn runtime(
    parts: AsyncParts,
    addresses: &Addresses<'_>,
    timeouts: &Timeouts,
    connections: &ConnectionSettings,
) -> Result<Tokio, ConfigError> {
    let (transport, opener) = match parts.transport {
        Some(transport) => (transport, None),
        None => {
            let transport = Arc::new(PerAddress::new(addresses, |address| {
                HyperTransport::new(address, timeouts, connections)
            })?);
            (
                Arc::clone(&transport) as Arc<dyn AsyncTransport>,
                Some(transport),
            )
        }
    };
    let transport = match parts.around {
        Some(around) => around(transport),
        None => transport,
    };
    let clock = parts.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
    Ok(Tokio::new(transport, opener, clock))
}
