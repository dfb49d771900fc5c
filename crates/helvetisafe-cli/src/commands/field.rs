//! The lookup of a field in a secret.

use std::fmt;

use helvetisafe::{Field, KeyName, Secret};

use crate::failure::{Failure, Status};
use crate::ui::terminal::escape_line;

/// The secret has no field of this name.
#[derive(Debug)]
pub(super) struct NoSuchField {
    key: KeyName,
    field: String,
    /// The names of its fields, none if it is a single value.
    fields: Vec<String>,
}

/// Returns the value of a field.
pub(super) fn find<'a>(secret: &'a Secret, name: &str) -> Result<&'a str, NoSuchField> {
    let field = secret.field(name).map(Field::expose_secret);
    field.ok_or_else(|| NoSuchField {
        key: secret.key().clone(),
        field: name.to_owned(),
        fields: secret
            .fields()
            .iter()
            .map(|it| it.name().to_owned())
            .collect(),
    })
}

/// The names are those of another client, so they are escaped.
impl fmt::Display for NoSuchField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, field) = (&self.key, escape_line(&self.field));
        write!(f, "the secret `{key}` has no field `{field}`; ")?;
        if self.fields.is_empty() {
            return f.write_str("it is a single value; leave the field out");
        }
        let fields = self.fields.iter().map(|name| escape_line(name));
        let fields: Vec<_> = fields.collect();
        write!(f, "its fields are {}", fields.join(", "))
    }
}

impl From<NoSuchField> for Failure {
    fn from(error: NoSuchField) -> Self {
        Self::new(Status::NotFound, error)
    }
}
