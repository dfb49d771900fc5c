use crate::expiry::Expiry;
use crate::secret_text::SecretText;

/// A secret to write with [`Secrets::put_many`](crate::Secrets::put_many): its name, its value and, as a third
/// member, its expiry.
///
/// Without an expiry, or with `None` in its place, an existing secret keeps its expiry.
///
/// ```no_run
/// use std::collections::HashMap;
/// use std::time::Duration;
///
/// # let client = helvetisafe::Client::from_env()?;
/// let secrets = client.secrets();
/// secrets.put_many([("user", "app"), ("password", "s3cr3t-v@lue")]);
/// secrets.put_many([("session_key", "k", Duration::from_secs(3600))]);
/// let values: HashMap<String, String> = HashMap::new();
/// secrets.put_many(&values);
/// # Ok::<(), helvetisafe::Error>(())
/// ```
pub trait PutItem {
    /// Returns the name of the secret.
    fn key(&self) -> &str;

    /// Returns the value.
    fn expose_value(&self) -> &str;

    /// Returns the expiry.
    fn expiry(&self) -> Expiry;
}

impl<T: PutItem + ?Sized> PutItem for &T {
    fn key(&self) -> &str {
        (**self).key()
    }

    fn expose_value(&self) -> &str {
        (**self).expose_value()
    }

    fn expiry(&self) -> Expiry {
        (**self).expiry()
    }
}

impl<K: AsRef<str>, V: SecretText> PutItem for (K, V) {
    fn key(&self) -> &str {
        self.0.as_ref()
    }

    fn expose_value(&self) -> &str {
        self.1.expose_text()
    }

    fn expiry(&self) -> Expiry {
        Expiry::Keep
    }
}

impl<K: AsRef<str>, V: SecretText, E: Clone + Into<Expiry>> PutItem for (K, V, E) {
    fn key(&self) -> &str {
        self.0.as_ref()
    }

    fn expose_value(&self) -> &str {
        self.1.expose_text()
    }

    fn expiry(&self) -> Expiry {
        self.2.clone().into()
    }
}
