//! Several nodes of one vault: what their clients see is what one vault would have answered.
#![cfg(unix)]

mod checker;
mod checker_tests;
mod client;
mod history;
mod linearizable;
mod nodes;
