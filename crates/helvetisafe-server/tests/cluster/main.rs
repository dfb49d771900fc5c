//! Several nodes of one vault: what their clients see is what one vault would have answered.
#![cfg(unix)]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test fails loudly"
)]

mod addresses;
mod application;
mod at_once;
mod calls;
mod checker;
mod checker_tests;
mod client;
mod failover;
mod history;
mod linearizable;
mod network;
mod nodes;
mod partition;
mod world;
