//! The log of a vault with faults.

use axum::http::StatusCode;

use super::Route;

/// A received request. It contains no token, header or body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path, without a query.
    pub path: String,
    /// The call; `None` if it is not one of the service's.
    pub route: Option<Route>,
    /// The secret's name, from the path or, for [`Route::Create`], from the body.
    pub key: Option<String>,
    /// The number of the connection, counted from 0.
    pub connection: u64,
    /// The action of the vault, whatever its client received.
    pub vault: Handled,
    /// The applied fault, such as `reset after acting`. `None` if no rule applied, or the answer did not have
    /// the content that the fault changes.
    pub fault: Option<String>,
}

/// The action of the vault on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Handled {
    /// None: the vault never received the request.
    Never,
    /// The request is in progress, or waits for the vault.
    InProgress,
    /// The vault acted and answered with this status. The client may not have received the answer.
    Answered(StatusCode),
}

impl Seen {
    /// Returns true if the request is a successful write.
    #[must_use]
    pub fn took_effect(&self) -> bool {
        let is_write = self.route.is_some_and(Route::is_write);
        is_write && matches!(self.vault, Handled::Answered(status) if status.is_success())
    }
}
