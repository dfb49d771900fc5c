//! The promises of `docs/behaviour.md`, each over real sockets: a vault, and in front of it a proxy
//! that a test scripts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails loudly")]

mod api_token;
mod asynchronous;
mod bytes;
mod cache;
mod call_options;
mod chains;
mod codes;
mod config_source;
mod connections;
mod conversions;
mod creates;
mod doubt;
mod events;
mod extremes;
mod failover;
mod hostile;
mod invalid_times;
mod limits;
mod load;
mod lost_fields;
mod many;
mod messages;
mod operations;
mod pages;
mod parse;
mod prefetch;
mod rate_limits;
mod retries;
mod stalled;
mod store;
mod tickets;
mod tls;
mod tokens;
mod unreachable;
mod watch;
mod within;
