//! The promises of `docs/behaviour.md`, each against real sockets: a vault, and between it and the
//! client a proxy that does what a test tells it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails loudly")]

mod api_token;
mod cache;
mod codes;
mod creates;
mod extremes;
mod hostile;
mod limits;
mod many;
mod operations;
mod proxy;
mod rate_limits;
mod retries;
mod tickets;
mod tls;
mod tls_server;
mod tokens;
mod watch;
mod within;
mod world;
