//! Tests of the vault over real sockets, one file per topic.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly, its helpers too"
)]

mod accounts;
mod administration;
mod api_tokens;
mod audit;
mod budgets;
mod calls;
mod codes;
#[cfg(unix)]
mod command;
#[cfg(target_os = "linux")]
mod crowd;
#[cfg(unix)]
mod dev;
mod document;
#[cfg(unix)]
mod earlier_state;
mod epochs;
mod expiry;
mod garbage;
#[cfg(unix)]
mod kills;
mod large;
mod limits;
mod lists;
#[cfg(unix)]
mod nodes;
mod oauth;
mod openapi;
mod organization;
mod organizations;
mod random;
mod rate_limits;
mod raw;
mod reads;
mod scopes;
mod slow_clients;
mod state;
mod support;
mod tenant;
mod versions;
