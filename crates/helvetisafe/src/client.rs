#[cfg(feature = "organization")]
mod organization;
mod parts;
mod store;

use std::env;
use std::fmt;
use std::sync::Arc;

use helvetisafe_crypto::Fingerprint;

use crate::builder::ClientBuilder;
use crate::credentials::{Credentials, Environment, KeySource};
use crate::error::Error;
use crate::runtime::Blocking;
use crate::runtime::blocking::block;
use crate::secrets::Secrets;
use crate::vault::Vault;
use parts::runtime;

#[cfg(feature = "organization")]
pub use organization::Organization;

/// A connected account: it holds the private key and the org key, and renews the access token.
///
/// A clone is cheap and shares everything. Many threads may use a client at once. All keys are wiped when the
/// last clone is dropped.
#[derive(Clone)]
pub struct Client(Arc<Vault<Blocking>>);

impl Client {
    /// Starts to configure a client. The base URL is `https://host[:port][/prefix]`, or `http://` to a loopback
    /// address.
    ///
    /// ```no_run
    /// use helvetisafe::{Client, Credentials, KeySource};
    ///
    /// let client = Client::builder(
    ///     "https://vault.example",
    ///     Credentials::api_token("portal-token"),
    ///     KeySource::password("pass word"),
    /// )
    /// .connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn builder(
        base_url: impl Into<String>,
        credentials: Credentials,
        key_source: KeySource,
    ) -> ClientBuilder {
        ClientBuilder::new(base_url.into(), credentials, key_source)
    }

    /// Connects with the settings in the environment: `HELVETISAFE_BASE_URL`; either
    /// `HELVETISAFE_API_TOKEN`, or `HELVETISAFE_CLIENT_ID` and `HELVETISAFE_CLIENT_SECRET`; and
    /// one of `HELVETISAFE_PRIVATE_KEY_PATH`, `HELVETISAFE_PRIVATE_KEY_PEM` and
    /// `HELVETISAFE_PASSWORD`. `HELVETISAFE_CA_CERTIFICATE`, the path of a PEM, adds a certificate authority, and
    /// `HELVETISAFE_FAILOVER_URLS`, a list separated by spaces or commas, the addresses of
    /// [`failover`](ClientBuilder::failover). An empty variable counts as unset.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let client = Client::from_env()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when a variable is missing, doubled or
    /// malformed, which it names; and as [`ClientBuilder::connect`].
    pub fn from_env() -> Result<Self, Error> {
        Self::builder_from_env()?.connect()
    }

    /// Reads the environment as [`Client::from_env`] does, for further settings before connecting.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let client = Client::builder_from_env()?.attempts(5).connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when a variable is missing, doubled or
    /// malformed, which it names.
    pub fn builder_from_env() -> Result<ClientBuilder, Error> {
        ClientBuilder::from_environment(Environment::read(|name| env::var_os(name))?)
    }

    /// Returns the operations on secrets.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let secrets = client.secrets();
    /// println!("{} secrets", secrets.list()?.len());
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn secrets(&self) -> Secrets<'_> {
        Secrets::new(&self.0)
    }

    /// Returns the fingerprint of the org key in use, to compare or to pin it:
    /// [`ClientBuilder::pin_org_key`].
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// // For `ClientBuilder::pin_org_key` of the next run.
    /// println!("{}", client.org_key_fingerprint());
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn org_key_fingerprint(&self) -> Fingerprint {
        self.0.org_keys.current().fingerprint()
    }

    /// Returns the number of the org key in use, if the vault numbers its org keys. A client that has seen a number refuses a later
    /// key without one; store it for the next client: [`ClientBuilder::require_key_epoch`].
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// println!("{:?}", client.key_epoch());
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn key_epoch(&self) -> Option<u64> {
        self.0.org_keys.current().epoch()
    }

    /// Returns the access token in use as a ticket for [`ClientBuilder::resume`]. A program that starts often can
    /// store it on disk, and need not fetch a token while this one is alive.
    ///
    /// The ticket is ASCII text and all ciphertext: the token, encrypted under the org key; the org key, wrapped
    /// for the account; and with [`KeySource::password`] the private key as the vault stores it. To use the
    /// account until the token ends, an attacker needs the private key too, or has to guess the password. A
    /// ticket never opens as a secret, nor a secret as a ticket.
    ///
    /// Returns `None` with an API token, and if the last access token was refused.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let ticket = std::fs::read_to_string("ticket").unwrap_or_default();
    /// let client = Client::builder_from_env()?.resume(ticket).connect()?;
    /// if let Some(ticket) = client.resumption_ticket()? {
    ///     std::fs::write("ticket", ticket)?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Crypto`](crate::ErrorKind::Crypto) when the operating system gives no randomness.
    pub fn resumption_ticket(&self) -> Result<Option<String>, Error> {
        self.0.resumption_ticket()
    }
}

impl ClientBuilder {
    /// Connects: reads the private key, or fetches and unlocks it; and fetches and unwraps the org key. With a
    /// ticket whose access token is used, it sends nothing: see [`Self::resume`].
    ///
    /// ```no_run
    /// use helvetisafe::{Client, Credentials, KeySource};
    ///
    /// let client = Client::builder(
    ///     "https://vault.helvetisafe.ch",
    ///     Credentials::service_account("your-client-id", "your-client-secret"),
    ///     KeySource::pem_file("/path/to/private-key.pem"),
    /// )
    /// .connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when an argument or the PEM of the private key
    /// cannot be used, before anything is sent, or there is no certificate authority to trust;
    /// [`ErrorKind::Crypto`](crate::ErrorKind::Crypto) when the private key of the vault cannot be
    /// unlocked, or the org key cannot be unwrapped;
    /// [`ErrorKind::OrgKeyRefused`](crate::ErrorKind::OrgKeyRefused) when org keys are pinned and the
    /// vault gives another one; and every error of a call.
    pub fn connect(self) -> Result<Client, Error> {
        let config = self.config(runtime)?;
        let vault = block(Vault::connect(config))?;
        Ok(Client(Arc::new(vault)))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.0.api.base)
            .finish_non_exhaustive()
    }
}
