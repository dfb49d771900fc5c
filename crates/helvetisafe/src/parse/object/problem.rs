//! The errors of reading an object.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

use super::InvalidValueKind;
use super::flattened::Marked;

/// The reason for which an object does not have a type. It holds no value.
#[derive(Debug)]
pub(in crate::parse) struct Problem {
    pub(in crate::parse) kind: InvalidValueKind,
    pub(in crate::parse) field: Option<String>,
    /// True if a type was given a value of another type, rather than any value that it refuses.
    pub(super) is_mismatch: bool,
    /// The member whose mark was met.
    pub(super) mark: Option<usize>,
}

impl Problem {
    pub(super) fn new(kind: InvalidValueKind, field: Option<&str>) -> Self {
        Self {
            kind,
            field: field.map(str::to_owned),
            is_mismatch: false,
            mark: None,
        }
    }

    pub(super) fn wrong_type(field: Option<&str>) -> Self {
        Self::new(InvalidValueKind::WrongType, field)
    }

    /// Returns true for a wrong type of an unknown field.
    pub(super) fn is_unnamed(&self) -> bool {
        self.kind == InvalidValueKind::WrongType && self.field.is_none()
    }

    fn mismatch(found: Unexpected<'_>) -> Self {
        Self {
            is_mismatch: true,
            mark: Marked::find(found),
            ..Self::wrong_type(None)
        }
    }
}

/// Drops all messages, which may quote the value.
impl Error for Problem {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::wrong_type(None)
    }

    fn invalid_type(found: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::mismatch(found)
    }

    fn invalid_value(found: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::mismatch(found)
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self::mismatch(Unexpected::Enum)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(InvalidValueKind::MissingField, Some(field))
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::new(InvalidValueKind::UnexpectedField, Some(field))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::unknown_field(field, &[])
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the object does not match the type")
    }
}
