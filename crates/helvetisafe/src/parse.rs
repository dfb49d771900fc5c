use helvetisafe_proto::KeyName;
use serde::de::DeserializeOwned;

use crate::secret::Secret;

/// A value that cannot be parsed; from [`Secret::parse`]. It shows the position, and nothing of the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the value of the secret `{key}` is not the JSON that was wanted: {problem} at line {line}, column {column}"
)]
pub struct InvalidValue {
    key: KeyName,
    problem: &'static str,
    line: usize,
    column: usize,
}

impl Secret {
    /// Parses the value as JSON into any type: a JSON value, or a multi-field secret, whose fields are the
    /// members of an object.
    ///
    /// Use `SecretString` for the parts that should be wiped. A string with escapes passes through a buffer that
    /// is not wiped.
    ///
    /// ```
    /// # fn show(secret: &helvetisafe::Secret) -> Result<(), helvetisafe::InvalidValue> {
    /// #[derive(serde::Deserialize)]
    /// struct Database {
    ///     host: String,
    ///     password: String,
    /// }
    ///
    /// let database: Database = secret.parse()?;
    /// # let _ = (database.host, database.password);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] when the value is not JSON, or does not match the type.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, InvalidValue> {
        serde_json::from_str(self.expose_secret()).map_err(|error| InvalidValue {
            key: self.key().clone(),
            // The message of the JSON library may quote the value.
            problem: match error.classify() {
                serde_json::error::Category::Eof => "it ends early",
                serde_json::error::Category::Data => "another type or a missing member",
                _ => "no JSON",
            },
            line: error.line(),
            column: error.column(),
        })
    }
}
