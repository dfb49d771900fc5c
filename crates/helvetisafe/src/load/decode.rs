//! The types that the text of a secret is read as.

use std::str::FromStr;

use helvetisafe_crypto::Field;
use secrecy::{SecretSlice, SecretString};

use crate::secret::Secret;

/// The text to decode.
pub(crate) enum Source<'a> {
    Secret(&'a Secret),
    Field(&'a Field),
}

/// The reason for which a text is not of the requested type, without the text.
pub(crate) enum Refusal {
    /// It is not this.
    Not(String),
    /// Another sentence about it.
    #[cfg(feature = "serde")]
    Because(String),
}

impl Source<'_> {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Secret(secret) => secret.expose_secret(),
            Self::Field(field) => field.expose_secret(),
        }
    }
}

pub(super) fn text(source: &Source<'_>) -> Result<String, Refusal> {
    Ok(source.text().to_owned())
}

pub(super) fn secret(source: &Source<'_>) -> Result<SecretString, Refusal> {
    Ok(source.text().into())
}

pub(super) fn bytes(source: &Source<'_>) -> Result<SecretSlice<u8>, Refusal> {
    crate::bytes::decode(source.text()).ok_or_else(|| Refusal::Not("base64".to_owned()))
}

pub(super) fn boolean(source: &Source<'_>) -> Result<bool, Refusal> {
    let text = source.text().trim();
    let is_any = |words: [&str; 4]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_any(["true", "yes", "on", "1"]) {
        Ok(true)
    } else if is_any(["false", "no", "off", "0"]) {
        Ok(false)
    } else {
        Err(Refusal::Not("true or false".to_owned()))
    }
}

/// The error of the type is dropped, since it may repeat the text.
pub(super) fn parse<T: FromStr>(source: &Source<'_>) -> Result<T, Refusal> {
    let not = |_| Refusal::Not(format!("a valid `{}`", name_of::<T>()));
    source.text().trim().parse().map_err(not)
}

#[cfg(feature = "serde")]
pub(super) fn json<T: serde::de::DeserializeOwned>(source: &Source<'_>) -> Result<T, Refusal> {
    match source {
        Source::Secret(secret) => secret
            .parse()
            .map_err(|error| Refusal::Because(error.to_string())),
        Source::Field(field) => serde_json::from_str(field.expose_secret())
            .map_err(|_| Refusal::Not(format!("the JSON of a `{}`", name_of::<T>()))),
    }
}

/// Returns the name of a type without its path, unless it has parameters.
fn name_of<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    match name.rsplit_once("::") {
        Some((_, last)) if !name.contains('<') => last,
        _ => name,
    }
}
