//! The credential of each request, and its renewal.

mod api_token;
mod resume;
mod service_account;
mod token_state;

use std::sync::Arc;
use std::time::Duration;

use helvetisafe_proto::auth::AuthHeader;

use crate::runtime::Notify;

pub(crate) use api_token::ApiToken;
pub(crate) use resume::{Resumed, resume, ticket};
pub(crate) use service_account::ServiceAccount;

/// One of the two authentications, or none.
pub(crate) enum Auth<N: Notify> {
    ServiceAccount(Arc<ServiceAccount<N>>),
    ApiToken(ApiToken),
    /// The calls have credentials of their own.
    #[cfg(feature = "organization")]
    None,
}

/// The credential for one request. The serial number distinguishes it from its successors.
pub(crate) struct Credential {
    pub(crate) header: AuthHeader,
    serial: u64,
}

impl<N: Notify> Auth<N> {
    /// Returns true if the next request has its credential already.
    pub(crate) fn is_ready(&self, now: Duration) -> bool {
        match self {
            Self::ServiceAccount(account) => account.is_ready(now),
            Self::ApiToken(_) => true,
            #[cfg(feature = "organization")]
            Self::None => true,
        }
    }

    /// After a 401: gives up the `used` credential. Returns true if there is, or will be, another one.
    pub(crate) fn replace_refused(&self, used: &Credential) -> bool {
        match self {
            Self::ServiceAccount(account) => {
                account.forget(used);
                true
            }
            Self::ApiToken(token) => token.try_other_header(used),
            #[cfg(feature = "organization")]
            Self::None => false,
        }
    }

    /// After a 403: returns true if the `used` token came from an earlier client and will be replaced,
    /// since the account may have more rights by now.
    pub(crate) fn replace_outdated(&self, used: &Credential, now: Duration) -> bool {
        match self {
            Self::ServiceAccount(account) => account.replace_outdated(used, now),
            Self::ApiToken(_) => false,
            #[cfg(feature = "organization")]
            Self::None => false,
        }
    }

    /// After a success: the header of the credential is right.
    pub(crate) fn note_success(&self) {
        if let Self::ApiToken(token) = self {
            token.fix_header();
        }
    }
}
