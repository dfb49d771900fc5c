//! The vault over real sockets, one file per topic.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly, its helpers too"
)]

mod accounts;
mod calls;
#[cfg(unix)]
mod command;
mod expiry;
mod limits;
mod oauth;
mod state;
mod support;
