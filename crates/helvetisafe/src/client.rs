use std::env;
use std::fmt;
use std::sync::Arc;

use helvetisafe_crypto::Fingerprint;

use crate::builder::ClientBuilder;
use crate::connection::Connection;
use crate::credentials::{Credentials, Environment, KeySource};
use crate::driver::Blocking;
use crate::error::Error;
use crate::secrets::Secrets;

/// A connection to a vault: it holds the account's private key and the org key, and keeps an access
/// token fresh.
///
/// Cloning is cheap and shares everything; it is `Send` and `Sync`, and meant to be used by many
/// threads at once. All keys are wiped when the last clone is dropped.
#[derive(Clone)]
pub struct Client(Arc<Connection<Blocking>>);

impl Client {
    /// Begins a client with what is required. The base URL is `https://host[:port][/prefix]`, or
    /// `http://` to a loopback address.
    pub fn builder(
        base_url: impl Into<String>,
        credentials: Credentials,
        key_source: KeySource,
    ) -> ClientBuilder {
        ClientBuilder::new(base_url.into(), credentials, key_source)
    }

    /// Connects with what the environment says: `HELVETISAFE_BASE_URL`; either
    /// `HELVETISAFE_API_TOKEN`, or `HELVETISAFE_CLIENT_ID` and `HELVETISAFE_CLIENT_SECRET`; and
    /// one of `HELVETISAFE_PRIVATE_KEY_PATH`, `HELVETISAFE_PRIVATE_KEY_PEM` and
    /// `HELVETISAFE_PASSWORD`. An empty variable counts as unset.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when a variable is missing, doubled or
    /// malformed, which it names; and as [`ClientBuilder::connect`].
    pub fn from_env() -> Result<Self, Error> {
        Self::builder_from_env()?.connect()
    }

    /// As [`Client::from_env`], but to set more before connecting.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when a variable is missing, doubled or
    /// malformed, which it names.
    pub fn builder_from_env() -> Result<ClientBuilder, Error> {
        let Environment {
            base_url,
            credentials,
            key_source,
        } = Environment::read(|name| env::var_os(name))?;
        Ok(Self::builder(base_url, credentials, key_source))
    }

    /// The operations on secrets.
    #[must_use]
    pub fn secrets(&self) -> Secrets<'_> {
        Secrets::new(&self.0)
    }

    /// The fingerprint of the org key in use, to compare or to pin:
    /// [`ClientBuilder::pin_org_key`].
    #[must_use]
    pub fn org_key_fingerprint(&self) -> Fingerprint {
        self.0.org_keys.current().fingerprint()
    }

    /// The access token in use, for [`ClientBuilder::resume`]: a program that starts often can keep it
    /// on disk, and fetches none then while this one lives.
    ///
    /// It is a text in ASCII, and ciphertext: the token sealed under the org key, that wrapped for
    /// the account, and with [`KeySource::password`] the private key as the vault keeps it. Whoever
    /// has it needs the private key too, or has to guess the password, to use the account until the
    /// token ends. It never opens as a secret, nor a secret as it.
    ///
    /// `None` with an API token, and where the last access token was refused.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let kept = std::fs::read_to_string("ticket").unwrap_or_default();
    /// let client = Client::builder_from_env()?.resume(kept).connect()?;
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

impl From<Connection<Blocking>> for Client {
    fn from(connection: Connection<Blocking>) -> Self {
        Self(Arc::new(connection))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.0.session.base)
            .finish_non_exhaustive()
    }
}
