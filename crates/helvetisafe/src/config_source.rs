mod redacted;

use std::fmt;

use config::{ConfigError, Map, Source, Value, ValueKind};

use crate::client::Client;
use crate::load::LoadError;
use crate::secret::Secret;

pub use redacted::RedactedConfigError;

/// Secrets as a source of the `config` crate: each is a string, and a multi-field secret a table.
///
/// ```no_run
/// use config::Config;
/// use helvetisafe::{Client, ConfigSource};
///
/// let secrets = ConfigSource::new(Client::from_env()?)
///     .secret("database_password", "database.password")
///     .secret("smtp", "mail");
/// let settings = Config::builder()
///     .set_default("database.host", "localhost")?
///     .add_source(secrets)
///     .build()?;
/// let password = settings.get_string("database.password")?;
/// # let _ = password;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The `config` crate does not wipe its values, and its errors show a value of the wrong type: `get_int` of a
/// password shows the password. Return a [`RedactedConfigError`] instead: `?` converts into it.
///
/// For a type with `#[serde(flatten)]`, its errors do not name the field, and it reads no text as a number there:
/// `load::json` and `Secret::parse`, of the feature `serde`, do both.
#[derive(Clone)]
pub struct ConfigSource {
    client: Client,
    /// The names of secrets and their paths.
    secrets: Vec<(String, String)>,
}

impl ConfigSource {
    /// Makes a source without secrets.
    ///
    /// ```no_run
    /// use helvetisafe::{Client, ConfigSource};
    ///
    /// let source = ConfigSource::new(Client::from_env()?).secret("db_password", "database.password");
    /// # let _ = source;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            secrets: Vec::new(),
        }
    }

    /// Adds the secret `key` at `path`, such as `database.password`.
    ///
    /// ```no_run
    /// use config::Config;
    /// use helvetisafe::{Client, ConfigSource, RedactedConfigError};
    ///
    /// # fn example(client: Client) -> Result<(), RedactedConfigError> {
    /// let source = ConfigSource::new(client).secret("db_password", "database.password");
    /// let settings = Config::builder().add_source(source).build()?;
    /// let password = settings.get_string("database.password")?;
    /// # let _ = password;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn secret(mut self, key: impl Into<String>, path: impl Into<String>) -> Self {
        self.secrets.push((key.into(), path.into()));
        self
    }
}

impl Source for ConfigSource {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    /// Reads all secrets, several at once.
    ///
    /// # Errors
    ///
    /// A [`LoadError`](crate::load::LoadError) with every secret that cannot be read, or the error of an invalid
    /// path.
    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let keys: Vec<_> = self.secrets.iter().map(|(key, _)| key).collect();
        let secrets = self.client.secrets().get_many(&keys);
        let secrets = LoadError::or_all(&keys, secrets);
        let secrets = secrets.map_err(|error| ConfigError::Foreign(Box::new(error)))?;
        let mut builder = config::Config::builder();
        for (secret, (_, path)) in secrets.iter().zip(&self.secrets) {
            builder = builder.set_override(path, value(secret))?;
        }
        builder.build()?.cache.into_table()
    }
}

fn value(secret: &Secret) -> Value {
    let origin = format!("the secret {}", secret.key());
    let text = |text: &str| Value::new(Some(&origin), ValueKind::String(text.to_owned()));
    if !secret.is_multi_field() {
        return text(secret.expose_secret());
    }
    let fields = secret.fields().iter();
    let table = fields.map(|field| (field.name().to_owned(), text(field.expose_secret())));
    Value::new(Some(&origin), ValueKind::Table(table.collect()))
}

impl fmt::Debug for ConfigSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigSource")
            .field("secrets", &self.secrets)
            .finish_non_exhaustive()
    }
}
