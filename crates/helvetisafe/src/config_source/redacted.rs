use std::fmt;

use config::ConfigError;

use crate::error::Error;
use crate::load::LoadError;

/// An error of the `config` crate without the values that its own text repeats.
///
/// It shows paths, sources, expected types and the errors of secrets. `?` converts a [`ConfigError`] into it.
///
/// ```no_run
/// use config::Config;
/// use helvetisafe::{Client, ConfigSource, RedactedConfigError};
///
/// fn port(client: Client) -> Result<i64, RedactedConfigError> {
///     let secrets = ConfigSource::new(client).secret("db_port", "database.port");
///     let settings = Config::builder().add_source(secrets).build()?;
///     Ok(settings.get_int("database.port")?)
/// }
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct RedactedConfigError {
    text: String,
}

impl From<ConfigError> for RedactedConfigError {
    fn from(error: ConfigError) -> Self {
        Self {
            text: redacted(&error),
        }
    }
}

impl fmt::Debug for RedactedConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedactedConfigError({self})")
    }
}

fn redacted(error: &ConfigError) -> String {
    match error {
        ConfigError::Frozen | ConfigError::NotFound(_) | ConfigError::PathParse { .. } => {
            error.to_string()
        }
        ConfigError::Type {
            expected,
            origin,
            key,
            ..
        } => {
            let place = place(key.as_deref(), origin.as_deref());
            format!("a value{place} has another type than {expected}")
        }
        ConfigError::At { error, origin, key } => {
            let place = place(key.as_deref(), origin.as_deref());
            format!("{}{place}", redacted(error))
        }
        ConfigError::FileParse { uri, .. } => {
            let uri = uri.as_deref().unwrap_or("a text");
            format!("{uri} cannot be parsed")
        }
        ConfigError::Message(text) if names_only(text) => text.clone(),
        ConfigError::Foreign(cause) if cause.is::<Error>() || cause.is::<LoadError>() => {
            cause.to_string()
        }
        _ => "a value is not as expected".to_owned(),
    }
}

/// Returns true for a message of serde about the names of fields. Others may quote a value.
fn names_only(message: &str) -> bool {
    ["missing field `", "duplicate field `"]
        .iter()
        .any(|start| message.starts_with(start))
}

fn place(key: Option<&str>, origin: Option<&str>) -> String {
    let key = key.map(|key| format!(" for key `{key}`"));
    let origin = origin.map(|origin| format!(" in {origin}"));
    key.unwrap_or_default() + &origin.unwrap_or_default()
}
