//! The scopes to request for the access token, and the setting that names them.

use std::fmt;

use helvetisafe::{Scope, Scopes};

use super::entries::Entries;
use super::entry::Origin;
use super::failover::words;
use super::spec::Setting;
use crate::failure::Failure;

/// The scopes that a setting names.
#[derive(Clone, Debug)]
pub(crate) struct RequestedScopes {
    pub(crate) scopes: Scopes,
    origin: Origin,
}

impl RequestedScopes {
    /// Parses the setting; `None` if it is not set.
    pub(super) fn parse(entries: &Entries) -> Result<Option<Self>, Failure> {
        let Some((text, origin)) = entries.text(Setting::Scopes) else {
            return Ok(None);
        };
        let scopes: Result<Vec<Scope>, _> = words(text).map(str::parse).collect();
        match scopes {
            Ok(scopes) if !scopes.is_empty() => Ok(Some(Self {
                scopes: scopes.into_iter().collect(),
                origin: origin.clone(),
            })),
            _ => Err(Failure::usage(format_args!(
                "{origin} is not a list of scopes: `{text}`; there are {}",
                Scopes::ALL
            ))),
        }
    }

    /// Returns true if it leaves out a scope.
    pub(crate) fn is_narrower(&self) -> bool {
        self.scopes != Scopes::ALL
    }

    /// Returns the cause of a refusal and its remedy, if the missing scope is not requested. The vault may not have
    /// named it.
    pub(super) fn cause_of(&self, missing: Option<Scope>) -> Option<String> {
        match missing {
            Some(scope) if self.scopes.contains(scope) => None,
            Some(scope) => Some(format!("{self}: add {} there", scope.as_str())),
            None if self.is_narrower() => Some(format!("{self}, which may be too few")),
            None => None,
        }
    }
}

/// Describes the setting.
impl fmt::Display for RequestedScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "only {} are requested, by {}", self.scopes, self.origin)
    }
}
