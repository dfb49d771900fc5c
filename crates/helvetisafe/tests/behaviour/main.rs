//! The promises of `docs/behaviour.md`, each over real sockets: a vault, and in front of it a proxy
//! that a test scripts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails loudly")]

mod api_token;
mod asynchronous;
mod cache;
mod codes;
mod config_source;
mod creates;
mod extremes;
mod hostile;
mod limits;
mod many;
mod operations;
mod parse;
mod prefetch;
mod rate_limits;
mod retries;
mod tickets;
mod tls;
mod tokens;
mod watch;
mod within;
