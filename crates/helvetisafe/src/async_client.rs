//! The client for asynchronous programs, on tokio. It runs the same code as the blocking client, on another
//! runtime.

#[cfg(feature = "organization")]
mod organization;
mod parts;
mod secrets;
mod store;
mod watch;

use std::fmt;
use std::sync::Arc;

use helvetisafe_crypto::Fingerprint;

use crate::builder::ClientBuilder;
use crate::credentials::{Credentials, Environment, KeySource};
use crate::error::Error;
use crate::runtime::Tokio;
use crate::vault::Vault;
use parts::runtime;

#[cfg(feature = "organization")]
pub use organization::AsyncOrganization;
pub use parts::AsyncParts;
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

impl fmt::Debug for AsyncClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncClient")
            .field("base_url", &self.0.api.base)
            .finish_non_exhaustive()
    }
}
