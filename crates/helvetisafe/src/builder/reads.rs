//! The settings of reads: the cache, and the secrets that are fetched while connecting.

use helvetisafe_proto::KeyName;

use super::ClientBuilder;
use crate::cache::CachePolicy;

impl<P, A> ClientBuilder<P, A> {
    /// Caches values that were read or written, by this policy. Without it, each read goes to the vault.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use helvetisafe::{CachePolicy, Client};
    ///
    /// let policy = CachePolicy::new(Duration::from_secs(60));
    /// let client = Client::builder_from_env()?.cache(policy).connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn cache(self, policy: CachePolicy) -> Self {
        Self {
            cache: Some(policy),
            ..self
        }
    }

    /// Fetches these secrets while connecting, at the same time as the keys: that saves a round trip over a
    /// network.
    ///
    /// The first read of the secret within 10 s of connecting opens the prefetched one; later reads ask the vault.
    /// A secret that cannot be fetched does not fail `connect`, and neither does an invalid name: the read returns
    /// the error, after it has asked the vault again if the failure may pass. `connect` waits for one attempt to
    /// fetch each of them. At most eight calls are in flight, one of which fetches the org key: more than seven secrets
    /// take another round trip.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let client = Client::builder_from_env()?.prefetch(["database_password"]).connect()?;
    /// let password = client.secrets().get("database_password")?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn prefetch<K: AsRef<str>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        for key in keys {
            let key = KeyName::parse(key.as_ref()).ok();
            let key = key.filter(|key| !self.prefetch.contains(key));
            self.prefetch.extend(key);
        }
        self
    }
}
