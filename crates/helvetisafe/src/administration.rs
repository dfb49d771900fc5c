//! The administration of an organization: its types, and the calls that need no connected account. The operations of an
//! account are in `operations/organization.rs`.

mod account_keys;
pub(crate) mod chain;
mod founding;
mod joining;
mod records;
mod rotation;

pub use account_keys::AccountKeys;
pub(crate) use founding::found;
pub use founding::{Founded, NewOrganization};
pub use joining::{Joining, Terms};
pub(crate) use joining::{join, join_within, read};
pub use records::{
    Account, Administrator, AuditPage, AuditRecord, Confirmed, Disabled, Invited, Member,
    NewInvite, NewToken, PendingInvitation, PendingRequest, Standing, TokenRecord,
};
pub use rotation::{NewOrgKey, Rotated, RotationCheck, RotationProgress, RotationStep};

use std::collections::BTreeSet;

use helvetisafe_crypto::organization::is_name;
use helvetisafe_proto::{Scope, ScopeList};
use jiff::Timestamp;

use crate::config_error::ConfigError;
use crate::error::{Error, OrganizationAction, OrganizationCause};

/// Returns true if an account with these scopes is an administrator.
pub(crate) fn is_administrator(scopes: &ScopeList) -> bool {
    let write = Scope::OrganizationWrite.as_str();
    scopes.as_str().split(' ').any(|scope| scope == write)
}

/// Returns the scopes as the cryptography of invitations takes them.
pub(crate) fn scope_set(scopes: &ScopeList) -> BTreeSet<String> {
    let scopes = scopes.as_str().split(' ');
    scopes
        .filter(|scope| !scope.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Refuses a name that a terminal could not show, before anything is sent.
pub(crate) fn check_name(
    action: OrganizationAction,
    what: &'static str,
    name: &str,
) -> Result<(), Error> {
    match is_name(name) {
        true => Ok(()),
        false => Err(Error::new(action, ConfigError::Name(what))),
    }
}

/// Refuses an invitation that has expired by the clock of this machine.
pub(crate) fn check_expiry(
    action: OrganizationAction,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(), Error> {
    if expires_at > now {
        return Ok(());
    }
    let cause = OrganizationCause::Expired { expires_at, now };
    Err(Error::new(action, cause))
}
