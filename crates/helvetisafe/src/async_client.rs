//! The client for asynchronous programs, on tokio. It runs the same code as the blocking client, on another
//! runtime.

#[cfg(feature = "organization")]
mod organization;
mod secrets;
mod store;
mod watch;

use std::fmt;
use std::sync::Arc;

use helvetisafe_crypto::Fingerprint;

use crate::builder::ClientBuilder;
use crate::clock::{AsyncClock, SystemClock};
use crate::config_error::ConfigError;
use crate::credentials::{Credentials, Environment, KeySource};
use crate::error::Error;
use crate::http::hyper::HyperTransport;
use crate::http::{Addresses, AsyncTransport, ConnectionSettings, PerAddress};
use crate::limits::Timeouts;
use crate::runtime::Tokio;
use crate::vault::Vault;

#[cfg(feature = "organization")]
pub use organization::AsyncOrganization;
pub use secrets::AsyncSecrets;
pub use watch::AsyncWatch;

/// The [`Client`](crate::Client) of asynchronous programs, on tokio.
///
/// It behaves like the blocking client. Futures may be dropped at any time: no lock stays held, and a renewal
/// of the access token in progress goes on for the other callers. Values are decrypted on the thread that
/// polls; keys are unlocked and unwrapped on tokio's threads for blocking work, since that takes milliseconds.
///
/// ```no_run
/// use helvetisafe::{AsyncClient, Credentials, KeySource};
///
/// # async fn example() -> Result<(), helvetisafe::Error> {
/// let client = AsyncClient::builder(
///     "https://vault.helvetisafe.ch",
///     Credentials::service_account("your-client-id", "your-client-secret"),
///     KeySource::pem_file("/path/to/private-key.pem"),
/// )
/// .connect()
/// .await?;
/// let secret = client.secrets().get("database_password").await?;
/// println!("{} bytes", secret.expose_secret().len());
/// # Ok(())
/// # }
/// ```
///
/// Its futures panic outside of a tokio runtime, as tokio's do. The runtime needs its timer and, for the
/// default transport, its I/O enabled.
///
/// After the client and its runtime are dropped, it leaves no more secrets in memory than the blocking client:
/// see [the crate's page](crate#secrets-in-memory).
#[derive(Clone)]
pub struct AsyncClient(Arc<Vault<Tokio>>);

/// The transport and the clock of an [`AsyncClient`], if they are not the default ones.
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

impl AsyncClient {
    /// As [`Client::builder`](crate::Client::builder).
    ///
    /// ```no_run
    /// use helvetisafe::{AsyncClient, Credentials, KeySource};
    ///
    /// # async fn example() -> Result<(), helvetisafe::Error> {
    /// let client = AsyncClient::builder(
    ///     "https://vault.example",
    ///     Credentials::api_token("portal-token"),
    ///     KeySource::password("pass word"),
    /// )
    /// .connect()
    /// .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(
        base_url: impl Into<String>,
        credentials: Credentials,
        key_source: KeySource,
    ) -> ClientBuilder<AsyncParts> {
        ClientBuilder::new(base_url.into(), credentials, key_source)
    }

    /// As [`Client::from_env`](crate::Client::from_env).
    ///
    /// ```no_run
    /// use helvetisafe::AsyncClient;
    ///
    /// # async fn example() -> Result<(), helvetisafe::Error> {
    /// let client = AsyncClient::from_env().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Client::from_env`](crate::Client::from_env).
    pub async fn from_env() -> Result<Self, Error> {
        Self::builder_from_env()?.connect().await
    }

    /// As [`Client::builder_from_env`](crate::Client::builder_from_env).
    ///
    /// ```no_run
    /// use helvetisafe::AsyncClient;
    ///
    /// # async fn example() -> Result<(), helvetisafe::Error> {
    /// let client = AsyncClient::builder_from_env()?.attempts(5).connect().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Client::builder_from_env`](crate::Client::builder_from_env).
    pub fn builder_from_env() -> Result<ClientBuilder<AsyncParts>, Error> {
        ClientBuilder::from_environment(Environment::read(|name| std::env::var_os(name))?)
    }

    /// Returns the operations on secrets.
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let secrets = client.secrets();
    /// println!("{} secrets", secrets.list().await?.len());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn secrets(&self) -> AsyncSecrets<'_> {
        AsyncSecrets::new(&self.0)
    }

    /// As [`Client::org_key_fingerprint`](crate::Client::org_key_fingerprint).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// // For `ClientBuilder::pin_org_key` of the next run.
    /// println!("{}", client.org_key_fingerprint());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn org_key_fingerprint(&self) -> Fingerprint {
        self.0.org_keys.current().fingerprint()
    }

    /// As [`Client::key_epoch`](crate::Client::key_epoch).
    #[must_use]
    pub fn key_epoch(&self) -> Option<u64> {
        self.0.org_keys.current().epoch()
    }

    /// As [`Client::resumption_ticket`](crate::Client::resumption_ticket).
    ///
    /// ```no_run
    /// use helvetisafe::AsyncClient;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let ticket = std::fs::read_to_string("ticket").unwrap_or_default();
    /// let client = AsyncClient::builder_from_env()?.resume(ticket).connect().await?;
    /// if let Some(ticket) = client.resumption_ticket()? {
    ///     std::fs::write("ticket", ticket)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Client::resumption_ticket`](crate::Client::resumption_ticket).
    pub fn resumption_ticket(&self) -> Result<Option<String>, Error> {
        self.0.resumption_ticket()
    }
}

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

impl ClientBuilder<AsyncParts> {
    /// Connects as [`ClientBuilder::connect`] of the blocking client does. A key file and the platform's
    /// certificates are read on the calling thread.
    ///
    /// ```no_run
    /// use helvetisafe::{AsyncClient, Credentials, KeySource};
    ///
    /// # async fn example() -> Result<(), helvetisafe::Error> {
    /// let client = AsyncClient::builder(
    ///     "https://vault.helvetisafe.ch",
    ///     Credentials::service_account("your-client-id", "your-client-secret"),
    ///     KeySource::pem_file("/path/to/private-key.pem"),
    /// )
    /// .connect()
    /// .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::connect`] of the blocking client.
    pub async fn connect(self) -> Result<AsyncClient, Error> {
        let config = self.config(runtime)?;
        let vault = Vault::connect(config).await?;
        Ok(AsyncClient(Arc::new(vault)))
    }
}

/// Makes the runtime of a client.
fn runtime(
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

impl fmt::Debug for AsyncClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncClient")
            .field("base_url", &self.0.api.base)
            .finish_non_exhaustive()
    }
}
