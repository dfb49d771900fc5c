//! A vault with faults, over real sockets: each fault works as documented, and the log records it.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly, its helpers too"
)]

mod answers;
#[cfg(unix)]
mod command;
mod hostile;
mod network;
mod rules;
mod support;
mod tokens;
