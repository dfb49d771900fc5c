mod copy;
mod fields;
mod many;
mod read;
mod write;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::call_options::CallOptions;
use crate::cancel::CancelToken;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::operations::Operations;
use crate::runtime::Blocking;
use crate::vault::Vault;

/// The operations on secrets; from [`Client::secrets`](crate::Client::secrets).
///
/// Every operation has one deadline, including its access token, its waits and its repetitions. Names are 1
/// to 255 ASCII letters, digits and underscores; any other is refused with [`ErrorKind::Config`] before
/// anything is sent.
///
/// Besides the errors of each operation, all can fail with [`ErrorKind::Auth`],
/// [`ErrorKind::Forbidden`], [`ErrorKind::RateLimited`], [`ErrorKind::Api`] and
/// [`ErrorKind::Transport`].
#[derive(Clone, Copy)]
pub struct Secrets<'a>(Operations<'a, Blocking>);

impl<'a> Secrets<'a> {
    pub(crate) fn new(vault: &'a Arc<Vault<Blocking>>) -> Self {
        Self(Operations::new(vault))
    }

    /// Returns the same operations with one deadline for all of them together: `timeout` from now. Each also
    /// has its own timeout. Operations that begin after the deadline fail with [`ErrorKind::Transport`] and
    /// send nothing. A [`watch`](Self::watch) has `timeout` for each of its polls.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// use std::time::Duration;
    ///
    /// let keys = ["db_password", "api_key"];
    /// let found = client.secrets().within(Duration::from_secs(10)).get_many(&keys);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self(self.0.within(timeout))
    }

    /// Returns the same operations with these options, in place of those of an earlier call: a timeout, a number of
    /// attempts, and reads past the cache.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// use helvetisafe::CallOptions;
    ///
    /// let once = CallOptions::new().attempts(1).bypass_cache();
    /// let secret = client.secrets().with(once).get("db_password")?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn with(&self, options: CallOptions) -> Self {
        Self(self.0.with(options))
    }

    /// Returns the same operations, which end with [`ErrorKind::Cancelled`] once `token` is cancelled: see
    /// [`CancelToken`].
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// use helvetisafe::CancelToken;
    ///
    /// let token = CancelToken::new();
    /// let secret = client.secrets().cancelled_by(&token).get("db_password")?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn cancelled_by(&self, token: &'a CancelToken) -> Self {
        Self(self.0.cancelled_by(token))
    }
}

impl fmt::Debug for Secrets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}
