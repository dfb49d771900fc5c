//! What a vault with faults saw and did.

use axum::http::StatusCode;

use super::Route;

/// One request, as it came in. It holds no token, no header and no body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path, without a query.
    pub path: String,
    /// Which of the service's calls it is; `None` for anything else.
    pub route: Option<Route>,
    /// The secret that it is about, from the path or, for [`Route::Create`], from the body.
    pub key: Option<String>,
    /// The connection that it came on, counted from 0.
    pub connection: u64,
    /// What the vault itself did, whatever its client was told.
    pub vault: Handled,
    /// The fault that was applied, such as `reset after acting`. `None` where no rule applied, or
    /// where it could not: there was nothing in the answer that the fault changes.
    pub fault: Option<String>,
}

/// What the vault itself did with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// Nothing: the request never reached it.
    Never,
    /// It is at it, or the request waits before it.
    UnderWay,
    /// It acted, and this is its own answer, which the client may never have seen.
    Answered(StatusCode),
}

impl Seen {
    /// Whether it is a write that the vault carried out.
    #[must_use]
    pub fn took_effect(&self) -> bool {
        let is_write = self.route.is_some_and(Route::is_write);
        is_write && matches!(self.vault, Handled::Answered(status) if status.is_success())
    }
}
