mod copy;
mod fields;
mod many;
mod read;
mod write;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::call_options::CallOptions;
use crate::operations::Operations;
use crate::runtime::Tokio;
use crate::vault::Vault;

/// The operations on secrets; from [`AsyncClient::secrets`](super::AsyncClient::secrets).
///
/// Each behaves like the one of the same name of [`Secrets`](crate::Secrets). A future that is dropped before
/// it is ready may or may not have had its effect on the vault, as after a lost answer; nothing stays locked.
#[derive(Clone, Copy)]
pub struct AsyncSecrets<'a>(Operations<'a, Tokio>);

impl<'a> AsyncSecrets<'a> {
    pub(super) fn new(vault: &'a Arc<Vault<Tokio>>) -> Self {
        Self(Operations::new(vault))
    }

    /// As [`Secrets::within`](crate::Secrets::within).
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let keys = ["db_password", "api_key"];
    /// let found = client.secrets().within(Duration::from_secs(10)).get_many(&keys).await;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self(self.0.within(timeout))
    }

    /// As [`Secrets::with`](crate::Secrets::with).
    ///
    /// ```no_run
    /// use helvetisafe::CallOptions;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let once = CallOptions::new().attempts(1).bypass_cache();
    /// let secret = client.secrets().with(once).get("db_password").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with(&self, options: CallOptions) -> Self {
        Self(self.0.with(options))
    }
}

impl fmt::Debug for AsyncSecrets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncSecrets").finish_non_exhaustive()
    }
}
