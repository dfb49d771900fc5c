//! A portal API token.

use std::sync::atomic::{AtomicBool, Ordering};

use helvetisafe_proto::auth::{ApiTokenHeader, AuthHeader, Token};

use super::Credential;

/// A portal API token, and which header carries it. Unless one is fixed, the first call settles it:
/// the peer's header, and on a 401 the other one.
pub(crate) struct ApiToken {
    headers: [AuthHeader; 2],
    use_second: AtomicBool,
    settled: AtomicBool,
}

impl ApiToken {
    pub(crate) fn new(token: &Token, fixed: Option<ApiTokenHeader>) -> Self {
        let first = fixed.unwrap_or(ApiTokenHeader::XAegisToken);
        Self {
            headers: [first, ApiTokenHeader::Bearer]
                .map(|header| AuthHeader::api_token(token, header)),
            use_second: AtomicBool::new(false),
            settled: AtomicBool::new(fixed.is_some()),
        }
    }

    pub(super) fn credential(&self) -> Credential {
        let serial = u64::from(self.use_second.load(Ordering::Relaxed));
        let [first, second] = &self.headers;
        let header = if serial == 0 { first } else { second };
        Credential {
            header: header.clone(),
            serial,
        }
    }

    /// After a 401: whether the other header has not been tried.
    pub(super) fn try_other_header(&self, used: &Credential) -> bool {
        if used.serial != 0 || self.settled.swap(true, Ordering::Relaxed) {
            return false;
        }
        self.use_second.store(true, Ordering::Relaxed);
        true
    }

    /// After a success.
    pub(super) fn settle(&self) {
        self.settled.store(true, Ordering::Relaxed);
    }
}
