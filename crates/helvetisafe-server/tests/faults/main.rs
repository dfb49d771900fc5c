//! A vault that misbehaves on purpose, over real sockets: each fault does what it says, and the log
//! tells what happened.

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
