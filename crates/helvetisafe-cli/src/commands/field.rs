//! The lookup of a field in a secret.

use helvetisafe::{Field, Secret};

use crate::ui::terminal::escape_line;

/// Returns the value of a field, or a message with the fields that the secret has. `if_single` is the
/// advice for a secret that is one value.
pub(super) fn find<'a>(secret: &'a Secret, name: &str, if_single: &str) -> Result<&'a str, String> {
    if let Some(field) = secret.field(name) {
        return Ok(field.expose_secret());
    }
    let names = secret.fields().iter().map(Field::name).map(escape_line);
    let names = names.collect::<Vec<_>>().join(", ");
    let advice = match names.as_str() {
        "" => format!("it is a single value; {if_single}"),
        _ => format!("its fields are {names}"),
    };
    let (key, name) = (secret.key(), escape_line(name));
    Err(format!(
        "the secret `{key}` has no field `{name}`; {advice}"
    ))
}
