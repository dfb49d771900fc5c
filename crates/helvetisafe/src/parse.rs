use helvetisafe_proto::KeyName;
use serde::de::DeserializeOwned;

use crate::secret::Secret;

/// A secret whose value is not what was wanted; from [`Secret::parse`]. It tells where, and nothing
/// of the value.
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
    /// Reads the value as JSON into a type of the caller's: a value that is JSON, or a multi-field
    /// secret, whose fields are the members of an object.
    ///
    /// The type decides what becomes of the parts: take `SecretString` for those that should be
    /// wiped. A string with escapes passes through a buffer that is not.
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
    /// [`InvalidValue`] when the value is no JSON, or not that of the type.
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
