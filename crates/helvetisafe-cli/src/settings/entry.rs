//! One setting from one source, as the user gave it.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;

use super::spec::{Setting, SettingSpec, ValueKind};
use crate::failure::Failure;

/// A setting from one source.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) setting: Setting,
    pub(crate) origin: Origin,
    pub(crate) value: RawValue,
}

/// The value as it was given, or the file or command that has it.
#[derive(Clone, Debug)]
pub(crate) enum RawValue {
    Text(String),
    Path(PathBuf),
    Secret(SecretString),
    Command(Vec<String>),
}

/// The source of an entry.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    Flag(&'static str),
    Variable(&'static str),
    Profile {
        key: &'static str,
        profile: String,
    },
    /// The answer to a question of `init`.
    Answer,
    /// The code of an invitation.
    Code,
}

/// The three places that settings come from. An answer counts as a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Flag,
    Variable,
    Profile,
}

impl Origin {
    /// The precedence: the lowest rank wins. A profile that the user named is as strong as the variables.
    pub(super) fn rank(&self, is_profile_named: bool) -> u8 {
        match self.source() {
            Source::Flag => 0,
            Source::Variable => 1,
            Source::Profile if is_profile_named => 1,
            Source::Profile => 2,
        }
    }

    pub(super) fn source(&self) -> Source {
        match self {
            Self::Flag(_) | Self::Answer | Self::Code => Source::Flag,
            Self::Variable(_) => Source::Variable,
            Self::Profile { .. } => Source::Profile,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(flag),
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::Profile { key, profile } => write!(f, "{key} in the profile `{profile}`"),
            Self::Answer => f.write_str("the answer"),
            Self::Code => f.write_str("the URL in the invitation code"),
        }
    }
}

impl Entry {
    /// Creates an entry from the value of a flag or a variable.
    pub(super) fn new(
        spec: &SettingSpec,
        origin: Origin,
        value: OsString,
    ) -> Result<Self, Failure> {
        let text = |value: OsString| {
            value.into_string().map_err(|_| {
                Failure::usage(format_args!("{origin} is not valid Unicode; set it again"))
            })
        };
        let value = match spec.kind {
            ValueKind::Path if is_path(&value.to_string_lossy()) => RawValue::Path(value.into()),
            ValueKind::Path => return Err(Failure::usage(format_args!("{origin} {NOT_A_PATH}"))),
            ValueKind::Secret => RawValue::Secret(text(value)?.into()),
            ValueKind::Text | ValueKind::List | ValueKind::Switch | ValueKind::Command => {
                RawValue::Text(text(value)?)
            }
        };
        Ok(Self {
            setting: spec.setting,
            origin,
            value,
        })
    }
}

/// Returns true if a text can be a path. The contents of a file, which are easily given in place of its
/// path, have line breaks, and messages would show them.
pub(super) fn is_path(value: &str) -> bool {
    !value.contains(char::is_control)
}

pub(super) const NOT_A_PATH: &str = "is not a path: it has line breaks or other control characters; \
                                     give the path of a file, not its contents";
