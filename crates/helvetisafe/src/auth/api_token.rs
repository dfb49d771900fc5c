//! A portal API token.

use std::sync::atomic::{AtomicBool, Ordering};

use helvetisafe_proto::auth::{ApiTokenHeader, AuthHeader, Token};

use super::Credential;

/// A portal API token and its header. Unless the application fixes the header, the first call finds it: the
/// service's own header, or after a 401 the other one.
pub(crate) struct ApiToken {
    headers: [AuthHeader; 2],
    use_second: AtomicBool,
    is_fixed: AtomicBool,
}

impl ApiToken {
    pub(crate) fn new(token: &Token, fixed: Option<ApiTokenHeader>) -> Self {
        let first = fixed.unwrap_or(ApiTokenHeader::XAegisToken);
        Self {
            headers: [first, ApiTokenHeader::Bearer]
                .map(|header| AuthHeader::api_token(token, header)),
            use_second: AtomicBool::new(false),
            is_fixed: AtomicBool::new(fixed.is_some()),
        }
    }

    pub(crate) fn credential(&self) -> Credential {
        let serial = u64::from(self.use_second.load(Ordering::Relaxed));
        let [first, second] = &self.headers;
        let header = if serial == 0 { first } else { second };
        Credential {
            header: header.clone(),
            serial,
        }
    }

    /// After a 401: switches to the other header, unless it was tried before. Returns true if it did.
    pub(super) fn try_other_header(&self, used: &Credential) -> bool {
        if used.serial != 0 || self.is_fixed.swap(true, Ordering::Relaxed) {
            return false;
        }
        self.use_second.store(true, Ordering::Relaxed);
        true
    }

    /// After a success: keeps the header that worked.
    pub(super) fn fix_header(&self) {
        self.is_fixed.store(true, Ordering::Relaxed);
    }
}
