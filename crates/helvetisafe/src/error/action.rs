//! The action that failed: its text, its name in events, and the scope that it needs.

use std::fmt;

use helvetisafe_proto::endpoint::{
    CreateSecret, DeleteSecret, FetchToken, GetOrgKey, GetPrivateKey, GetSecret, ListSecrets,
    UpdateSecret,
};
use helvetisafe_proto::{Endpoint, KeyName, Scope};

#[cfg(feature = "organization")]
use super::organization::OrganizationAction;

/// The action that failed.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Configure,
    FetchToken,
    GetOrgKey,
    GetPrivateKey,
    List,
    Get(KeyName),
    Create(KeyName),
    Update(KeyName),
    Delete(KeyName),
    #[cfg(feature = "organization")]
    Organization(OrganizationAction),
}

#[cfg(feature = "organization")]
impl From<OrganizationAction> for Action {
    fn from(action: OrganizationAction) -> Self {
        Self::Organization(action)
    }
}

impl Action {
    /// Returns true if the action needs an existing secret or record, so that a 404 can be about it.
    pub(crate) fn is_about_existing(&self) -> bool {
        match self {
            Self::Get(_) | Self::Update(_) | Self::Delete(_) => true,
            #[cfg(feature = "organization")]
            Self::Organization(action) => action.is_about_existing(),
            _ => false,
        }
    }

    /// Returns the scope that its call needs.
    pub(crate) fn scope(&self) -> Option<Scope> {
        match self {
            Self::Configure => None,
            Self::FetchToken => FetchToken::SCOPE,
            Self::GetOrgKey => GetOrgKey::SCOPE,
            Self::GetPrivateKey => GetPrivateKey::SCOPE,
            Self::List => ListSecrets::SCOPE,
            Self::Get(_) => GetSecret::SCOPE,
            Self::Create(_) => CreateSecret::SCOPE,
            Self::Update(_) => UpdateSecret::SCOPE,
            Self::Delete(_) => DeleteSecret::SCOPE,
            #[cfg(feature = "organization")]
            Self::Organization(action) => action.scope(),
        }
    }

    /// Returns the name of the secret, if the action is about one.
    pub(crate) fn key(&self) -> Option<&KeyName> {
        match self {
            Self::Get(key) | Self::Create(key) | Self::Update(key) | Self::Delete(key) => Some(key),
            _ => None,
        }
    }

    /// Returns the name of the action in events and spans.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Configure => "configure",
            Self::FetchToken => "token.fetch",
            Self::GetOrgKey => "org_key.get",
            Self::GetPrivateKey => "private_key.get",
            Self::List => "secrets.list",
            Self::Get(_) => "secrets.get",
            Self::Create(_) => "secrets.create",
            Self::Update(_) => "secrets.update",
            Self::Delete(_) => "secrets.delete",
            #[cfg(feature = "organization")]
            Self::Organization(action) => action.name(),
        }
    }

    /// Returns the advice after a write of which it is unknown whether it happened.
    pub(super) fn advice_for_repetition(&self) -> &'static str {
        match self {
            #[cfg(feature = "organization")]
            Self::Organization(action) => action.advice_for_repetition(),
            _ => "read it before writing again",
        }
    }

    /// Returns true if the action is no part of an operation on secrets.
    pub(crate) fn is_apart(&self) -> bool {
        match self {
            Self::FetchToken | Self::GetOrgKey | Self::GetPrivateKey => true,
            #[cfg(feature = "organization")]
            Self::Organization(_) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configure => f.write_str("invalid configuration"),
            Self::FetchToken => f.write_str("cannot get an access token"),
            Self::GetOrgKey => f.write_str("cannot get the org key"),
            Self::GetPrivateKey => f.write_str("cannot get the private key"),
            Self::List => f.write_str("cannot list the secrets"),
            Self::Get(key) => write!(f, "cannot read the secret `{key}`"),
            Self::Create(key) => write!(f, "cannot create the secret `{key}`"),
            Self::Update(key) => write!(f, "cannot update the secret `{key}`"),
            Self::Delete(key) => write!(f, "cannot delete the secret `{key}`"),
            #[cfg(feature = "organization")]
            Self::Organization(action) => action.fmt(f),
        }
    }
}
