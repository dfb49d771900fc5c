mod object;

use std::fmt;

use helvetisafe_proto::KeyName;
use serde::de::DeserializeOwned;

use crate::secret::Secret;

/// A value that cannot be parsed; from [`Secret::parse`]. It names the field or the position, and shows nothing
/// of the value.
///
/// ```
/// # fn show(secret: &helvetisafe::Secret) {
/// use helvetisafe::{InvalidValue, InvalidValueKind};
///
/// let parsed: Result<Vec<u16>, InvalidValue> = secret.parse();
/// match parsed {
///     Ok(ports) => println!("{} ports", ports.len()),
///     Err(error) if error.kind() == InvalidValueKind::MissingField => {
///         eprintln!("{} lacks {:?}", error.key(), error.field());
///     }
///     Err(error) => eprintln!("{error}"),
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InvalidValue {
    key: KeyName,
    kind: InvalidValueKind,
    field: Option<String>,
    line: usize,
    column: usize,
}

/// The kind of an [`InvalidValue`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidValueKind {
    /// The value is not JSON.
    NotJson,
    /// The value is JSON that ends early.
    Truncated,
    /// A field that the type needs is missing.
    MissingField,
    /// A field, or the whole value, does not match its type.
    WrongType,
    /// The type does not expect a field, or only once.
    UnexpectedField,
}

impl InvalidValue {
    /// Returns the name of the secret.
    #[must_use]
    pub fn key(&self) -> &KeyName {
        &self.key
    }

    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> InvalidValueKind {
        self.kind
    }

    /// Returns the name of the field, if the error is about one of the outermost object. A field that comes from
    /// `#[serde(flatten)]` has no name here if its type reports an error in words of its own, as `IpAddr` does.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    fn at(key: &KeyName, error: &serde_json::Error) -> Self {
        use serde_json::error::Category;

        // The message of the JSON library may quote the value.
        let kind = match error.classify() {
            Category::Eof => InvalidValueKind::Truncated,
            Category::Data => InvalidValueKind::WrongType,
            Category::Syntax | Category::Io => InvalidValueKind::NotJson,
        };
        Self {
            key: key.clone(),
            kind,
            field: None,
            line: error.line(),
            column: error.column(),
        }
    }
}

impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key, line, column, ..
        } = self;
        let place = format_args!("line {line}, column {column}");
        let field = self.field.as_deref().map(str::escape_debug);
        match (self.kind, field) {
            (InvalidValueKind::MissingField, Some(field)) => {
                write!(f, "the secret `{key}` has no field `{field}`")
            }
            (InvalidValueKind::UnexpectedField, Some(field)) => {
                write!(f, "the secret `{key}` has an unexpected field `{field}`")
            }
            (InvalidValueKind::NotJson, _) => {
                write!(f, "the value of the secret `{key}` is not JSON: {place}")
            }
            (InvalidValueKind::Truncated, _) => {
                write!(
                    f,
                    "the value of the secret `{key}` is JSON that ends early: {place}"
                )
            }
            (_, Some(field)) => {
                write!(
                    f,
                    "the field `{field}` of the secret `{key}` does not match its type"
                )
            }
            (_, None) => {
                write!(
                    f,
                    "the value of the secret `{key}` does not match the type: {place}"
                )
            }
        }
    }
}

impl std::error::Error for InvalidValue {}

impl Secret {
    /// Parses the value as JSON into any type: a JSON value, or a multi-field secret, whose fields are the
    /// members of an object.
    ///
    /// A field that is a text is also read as a number or a boolean, where the type wants one: `"587"` as `587`.
    /// This holds for the members of the outermost object, also for the fields of a type with `#[serde(flatten)]`.
    ///
    /// Use `SecretString` for the parts that should be wiped. A string with escapes passes through a buffer that
    /// is not wiped, and so do the fields of a type with `#[serde(flatten)]`.
    ///
    /// ```
    /// # fn show(secret: &helvetisafe::Secret) -> Result<(), helvetisafe::InvalidValue> {
    /// #[derive(serde::Deserialize)]
    /// struct Database {
    ///     host: String,
    ///     port: u16,
    ///     password: String,
    /// }
    ///
    /// let database: Database = secret.parse()?;
    /// # let _ = (database.host, database.port, database.password);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] when the value is not JSON, or does not match the type.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, InvalidValue> {
        let json = self.expose_secret();
        let error = match serde_json::from_str(json) {
            Ok(value) => return Ok(value),
            Err(error) => InvalidValue::at(self.key(), &error),
        };
        match object::read(json) {
            Some(Ok(value)) => Ok(value),
            Some(Err(problem)) => Err(InvalidValue {
                kind: problem.kind,
                field: problem.field,
                ..error
            }),
            None => Err(error),
        }
    }
}
