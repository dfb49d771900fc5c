use std::fmt;
use std::str::FromStr;

use secrecy::{SecretSlice, SecretString};

use super::Load;
use super::decode::{self, Refusal, Source};
use super::error::Problem;
use super::plan::{Found, Plan, Requests};

/// A secret, or one of its fields, and the type to read it as.
#[must_use = "it is loaded by `Secrets::load`"]
pub struct Value<T> {
    key: String,
    field: Option<String>,
    decode: fn(&Source<'_>) -> Result<T, Refusal>,
}

/// A value that need not exist; from [`Value::optional`].
#[must_use = "it is loaded by `Secrets::load`"]
pub struct Optional<T>(Value<T>);

/// A value with a default; from [`Value::or`].
#[must_use = "it is loaded by `Secrets::load`"]
pub struct Or<T> {
    value: Value<T>,
    default: T,
}

/// Loads the text of a secret; for a multi-field secret its JSON. It is not wiped on drop: for anything secret
/// use [`secret`].
///
/// ```no_run
/// # let client = helvetisafe::Client::from_env()?;
/// use helvetisafe::load;
///
/// let host: String = client.secrets().load(load::text("db_host"))?;
/// # let _ = host;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn text(key: impl Into<String>) -> Value<String> {
    Value::new(key, decode::text)
}

/// Loads the text of a secret into a type that is wiped on drop.
///
/// ```no_run
/// # let client = helvetisafe::Client::from_env()?;
/// use helvetisafe::{SecretString, load};
///
/// let password: SecretString = client.secrets().load(load::secret("db_password"))?;
/// # let _ = password;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn secret(key: impl Into<String>) -> Value<SecretString> {
    Value::new(key, decode::secret)
}

/// Loads a number, an address or any other type with [`FromStr`]. White space around the text is ignored.
///
/// ```no_run
/// # let client = helvetisafe::Client::from_env()?;
/// use std::net::IpAddr;
///
/// use helvetisafe::load;
///
/// let wanted = (load::parse::<u16>("db_port"), load::parse::<IpAddr>("db_address"));
/// let (port, address) = client.secrets().load(wanted)?;
/// # let _ = (port, address);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn parse<T: FromStr>(key: impl Into<String>) -> Value<T> {
    Value::new(key, decode::parse)
}

/// Loads a truth value: `true`, `yes`, `on` or `1`, or `false`, `no`, `off` or `0`, in any case. White space around
/// it is ignored.
///
/// ```no_run
/// # let client = helvetisafe::Client::from_env()?;
/// use helvetisafe::load;
///
/// let debug = client.secrets().load(load::boolean("debug").or(false))?;
/// # let _ = debug;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn boolean(key: impl Into<String>) -> Value<bool> {
    Value::new(key, decode::boolean)
}

/// Loads bytes that the secret holds as base64: see [`Secrets::put_bytes`](crate::Secrets::put_bytes).
///
/// ```no_run
/// # let client = helvetisafe::Client::from_env()?;
/// use helvetisafe::{SecretSlice, load};
///
/// let keystore: SecretSlice<u8> = client.secrets().load(load::bytes("keystore"))?;
/// # let _ = keystore;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn bytes(key: impl Into<String>) -> Value<SecretSlice<u8>> {
    Value::new(key, decode::bytes)
}

/// Loads JSON into a type: see [`Secret::parse`](crate::Secret::parse). A field is JSON if it is not a string, or if
/// its text is JSON.
///
/// ```no_run
/// # let client = helvetisafe::Client::from_env()?;
/// use helvetisafe::{SecretString, load};
///
/// #[derive(serde::Deserialize)]
/// struct Smtp {
///     user: String,
///     password: String,
/// }
///
/// let smtp: Smtp = client.secrets().load(load::json("SMTP"))?;
/// # let _ = (smtp.user, smtp.password);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "serde")]
pub fn json<T: serde::de::DeserializeOwned>(key: impl Into<String>) -> Value<T> {
    Value::new(key, decode::json)
}

impl<T> Value<T> {
    fn new(key: impl Into<String>, decode: fn(&Source<'_>) -> Result<T, Refusal>) -> Self {
        Self {
            key: key.into(),
            field: None,
            decode,
        }
    }

    /// Reads one field of a multi-field secret instead of the whole secret. A secret with several such values is
    /// fetched once.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// use helvetisafe::load;
    ///
    /// let wanted = (
    ///     load::text("DATABASE").field("DB_USER"),
    ///     load::secret("DATABASE").field("DB_PASS"),
    /// );
    /// let (user, password) = client.secrets().load(wanted)?;
    /// # let _ = (user, password);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn field(mut self, name: impl Into<String>) -> Self {
        self.field = Some(name.into());
        self
    }

    /// Loads `None` if there is no such secret or field. A value that cannot be read is an error.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// use helvetisafe::load;
    ///
    /// let dsn = client.secrets().load(load::text("sentry_dsn").optional())?;
    /// println!("Sentry: {}", dsn.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn optional(self) -> Optional<T> {
        Optional(self)
    }

    /// Loads `default` if there is no such secret or field. A value that cannot be read is an error.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// use helvetisafe::load;
    ///
    /// let port: u16 = client.secrets().load(load::parse("db_port").or(5432))?;
    /// # let _ = port;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn or(self, default: T) -> Or<T> {
        Or {
            value: self,
            default,
        }
    }

    fn request(&self, requests: &mut Requests) {
        requests.add(&self.key, self.field.as_deref());
    }

    fn find(&self, found: &Found) -> Result<T, Problem> {
        let field = self.field.as_deref();
        let source = found.source(&self.key, field);
        let source = source.map_err(|error| Problem::failed(&self.key, field, error))?;
        (self.decode)(&source).map_err(|refusal| Problem::refused(&self.key, field, refusal))
    }

    /// Returns `absent` in place of a value that does not exist.
    fn find_or<U>(&self, found: &mut Found, make: impl FnOnce(T) -> U, absent: U) -> Option<U> {
        match self.find(found) {
            Ok(value) => Some(make(value)),
            Err(problem) if problem.is_absent() => Some(absent),
            Err(problem) => found.report(problem),
        }
    }
}

impl<T> fmt::Debug for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value")
            .field("key", &self.key)
            .field("field", &self.field)
            .finish_non_exhaustive()
    }
}

impl<T> Load for Value<T> {
    type Output = T;
}

impl<T> Plan<T> for Value<T> {
    fn add_to(&self, requests: &mut Requests) {
        self.request(requests);
    }

    fn read(self, found: &mut Found) -> Option<T> {
        match self.find(found) {
            Ok(value) => Some(value),
            Err(problem) => found.report(problem),
        }
    }
}

impl<T> fmt::Debug for Optional<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Optional").field(&self.0).finish()
    }
}

impl<T> Load for Optional<T> {
    type Output = Option<T>;
}

impl<T> Plan<Option<T>> for Optional<T> {
    fn add_to(&self, requests: &mut Requests) {
        self.0.request(requests);
    }

    fn read(self, found: &mut Found) -> Option<Option<T>> {
        self.0.find_or(found, Some, None)
    }
}

impl<T> fmt::Debug for Or<T> {
    /// Leaves out the default, which may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Or")
            .field("value", &self.value)
            .finish_non_exhaustive()
    }
}

impl<T> Load for Or<T> {
    type Output = T;
}

impl<T> Plan<T> for Or<T> {
    fn add_to(&self, requests: &mut Requests) {
        self.value.request(requests);
    }

    fn read(self, found: &mut Found) -> Option<T> {
        self.value.find_or(found, |value| value, self.default)
    }
}
