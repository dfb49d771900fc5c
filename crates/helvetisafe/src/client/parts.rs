//! The transport and the clock of a client, and the runtime made of them.

use std::sync::Arc;

use crate::builder::{ClientBuilder, Parts};
use crate::clock::{Clock, SystemClock};
use crate::config_error::ConfigError;
use crate::http::ureq::UreqTransport;
use crate::http::{Addresses, ConnectionSettings, PerAddress, Transport};
use crate::limits::Timeouts;
use crate::runtime::Blocking;

impl<A> ClientBuilder<Parts, A> {
    /// Sets the transport. It is then responsible for the timeouts for connecting and for silence, for
    /// certificates and for proxies.
    ///
    /// ```no_run
    /// use helvetisafe::{Client, Transport, TransportError};
    /// use helvetisafe::reexports::http::{Request, Response};
    ///
    /// struct Recorded;
    ///
    /// impl Transport for Recorded {
    ///     fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
    ///         # let _ = request;
    ///         Ok(Response::new(b"{}".to_vec()))
    ///     }
    /// }
    ///
    /// let client = Client::builder_from_env()?.transport(Recorded).connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn transport(mut self, transport: impl Transport + 'static) -> Self {
        self.parts_mut().transport = Some(Arc::new(transport));
        self
    }

    /// Sends through this agent, with its connections, resolver, TLS, proxy and middleware, in place of the default
    /// transport. For each request the client sets the [`Timeouts`](crate::Timeouts) and the largest body, and
    /// turns redirects off: a redirect to another host would take an API token along.
    ///
    /// The agent is then responsible for certificates and proxies; it should log no headers and have no
    /// middleware that repeats requests. The client cannot see how far a request came: a broken connection counts
    /// as one that may have delivered it, and the buffers of the agent are not wiped.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let agent = ureq::Agent::new_with_defaults();
    /// let client = Client::builder_from_env()?.ureq_agent(agent).connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn ureq_agent(mut self, agent: ureq::Agent) -> Self {
        self.parts_mut().agent = Some(agent);
        self
    }

    /// Wraps the default transport, or that of [`Self::transport`], to observe or answer requests. `around`
    /// receives the inner transport.
    ///
    /// ```no_run
    /// use std::sync::Arc;
    ///
    /// use helvetisafe::{Client, Transport, TransportError};
    /// use helvetisafe::reexports::http::{Request, Response};
    ///
    /// struct Counted(Arc<dyn Transport>);
    ///
    /// impl Transport for Counted {
    ///     fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
    ///         println!("{}", request.method());
    ///         self.0.send(request)
    ///     }
    /// }
    ///
    /// let client = Client::builder_from_env()?.around_transport(Counted).connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn around_transport<T: Transport + 'static>(
        mut self,
        around: impl FnOnce(Arc<dyn Transport>) -> T + Send + 'static,
    ) -> Self {
        self.parts_mut().around = Some(Box::new(|inner| Arc::new(around(inner))));
        self
    }

    /// Sets the clock, for tests.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use helvetisafe::{Client, Clock};
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
    /// let client = Client::builder_from_env()?.clock(Still).connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.parts_mut().clock = Some(Arc::new(clock));
        self
    }
}

/// Makes the runtime of a client.
pub(super) fn runtime(
    parts: Parts,
    addresses: &Addresses<'_>,
    timeouts: &Timeouts,
    connections: &ConnectionSettings,
) -> Result<Blocking, ConfigError> {
    let (transport, opener) = match (parts.transport, parts.agent) {
        (Some(transport), _) => (transport, None),
        (None, Some(agent)) => {
            let transport: Arc<dyn Transport> =
                Arc::new(UreqTransport::with_agent(agent, timeouts));
            (transport, None)
        }
        (None, None) => {
            let transport = Arc::new(PerAddress::new(addresses, |address| {
                UreqTransport::new(address, timeouts, connections)
            })?);
            (
                Arc::clone(&transport) as Arc<dyn Transport>,
                Some(transport),
            )
        }
    };
    let transport = match parts.around {
        Some(around) => around(transport),
        None => transport,
    };
    let clock = parts.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
    Ok(Blocking::new(transport, opener, clock))
}
