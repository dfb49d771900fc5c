use std::time::Duration;

/// Settings of single operations, in place of those of the client; for
/// [`Secrets::with`](crate::Secrets::with) and `AsyncSecrets::with`.
///
/// ```no_run
/// use std::time::Duration;
///
/// use helvetisafe::CallOptions;
///
/// # let client = helvetisafe::Client::from_env()?;
/// let options = CallOptions::new()
///     .timeout(Duration::from_secs(2))
///     .attempts(1)
///     .bypass_cache();
/// let secret = client.secrets().with(options).get("db_password")?;
/// # Ok::<(), helvetisafe::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[must_use = "give it to `Secrets::with`"]
pub struct CallOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) attempts: Option<u32>,
    pub(crate) bypass_cache: bool,
}

impl CallOptions {
    /// Returns options that change nothing.
    ///
    /// ```
    /// use helvetisafe::CallOptions;
    ///
    /// assert_eq!(CallOptions::new(), CallOptions::default());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the timeout of each operation, in place of [`Timeouts::operation`](crate::Timeouts::operation).
    /// [`Secrets::within`](crate::Secrets::within) bounds many operations together.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use helvetisafe::CallOptions;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// let quickly = CallOptions::new().timeout(Duration::from_millis(500));
    /// let secret = client.secrets().with(quickly).get("db_password")?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn timeout(self, timeout: Duration) -> Self {
        Self {
            timeout: Some(timeout),
            ..self
        }
    }

    /// Sets the number of attempts of each call, in place of
    /// [`ClientBuilder::attempts`](crate::ClientBuilder::attempts); 0 means 1. Work that other callers share, which
    /// is a renewal of the access token or a read for the cache, has the client's attempts.
    ///
    /// ```no_run
    /// use helvetisafe::CallOptions;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// let once = CallOptions::new().attempts(1);
    /// let secret = client.secrets().with(once).get("db_password")?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn attempts(self, attempts: u32) -> Self {
        Self {
            attempts: Some(attempts.max(1)),
            ..self
        }
    }

    /// Reads from the vault also what the cache has. The cache takes the value over, but a failure returns no old
    /// value.
    ///
    /// ```no_run
    /// use helvetisafe::CallOptions;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// let current = CallOptions::new().bypass_cache();
    /// let secret = client.secrets().with(current).get("db_password")?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn bypass_cache(self) -> Self {
        Self {
            bypass_cache: true,
            ..self
        }
    }
}
