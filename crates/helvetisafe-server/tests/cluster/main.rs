//! Several nodes of one vault: what their clients see is what one vault would have answered.
#![cfg(unix)]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test fails loudly"
)]

mod checker;
mod checker_tests;
mod client;
mod history;
mod linearizable;
mod nodes;
