//! Errors caused by a dishonest vault or an intermediary: a chain that no administrator signed, and a changed request of the caller.

use helvetisafe_crypto::organization::{ChainError, JoinRefused};

use super::{Cause, Error, OrganizationAction, OrganizationCause};
use crate::config_error::ConfigError;

impl OrganizationCause {
    /// Returns advice about a refused chain, whose message has none, and about a request of the caller.
    pub(super) fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Chain(ChainError::Fork | ChainError::Older) => None,
            Self::Chain(ChainError::Untrusted) => Some(
                "use the key of an administrator who has signed an entry, such as the one who invited you; if this key is already one, \
                 the vault, or an intermediary, shows a chain of its own: do not continue, and ask the vault's operator and an \
                 administrator",
            ),
            Self::Chain(_) => Some(
                "the vault, or an intermediary, shows a chain that the administrators did not sign: it was not used; do not continue, \
                 and ask the vault's operator and an administrator",
            ),
            Self::OwnRequest(_) => {
                Some("do not continue, and ask the vault's operator and another administrator")
            }
            _ => None,
        }
    }

    /// Returns the contradiction between the vault and the caller, whose own request it is.
    fn of_own_request(&self) -> Option<&'static str> {
        match self {
            Self::Request(JoinRefused::Words) => Some("the request has another public key"),
            Self::Request(JoinRefused::Inviter) | Self::OtherTerms => {
                Some("the invitation has other terms, or another signature")
            }
            Self::Request(JoinRefused::Mac) | Self::Unreadable(_) | Self::VerificationKey => {
                Some("the request is another one")
            }
            Self::OtherThanShown | Self::OtherInvitation | Self::OtherCodeKey => {
                Some("the invitation is another one")
            }
            _ => None,
        }
    }
}

impl Error {
    /// Explains the refusal of a request that is the caller's own: there is no other person to ask.
    pub(crate) fn about_own_request(self) -> Self {
        let contradiction = match &self.0.cause {
            Cause::Organization(cause) => cause.of_own_request(),
            // The scopes that were sent fit the keys.
            Cause::Config(ConfigError::NoSigningKey | ConfigError::SigningKey) => {
                Some("the invitation has other scopes")
            }
            _ => None,
        };
        match contradiction {
            Some(contradiction) => Self::new(
                OrganizationAction::Confirm,
                OrganizationCause::OwnRequest(contradiction),
            ),
            None => self,
        }
    }
}
