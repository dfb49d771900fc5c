//! Clients and vaults over real sockets, and what crosses crates.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

mod counterparts;
mod expiry;
mod organizations;
#[cfg(unix)]
mod readme;
mod refusals;
mod restart;
mod six_combinations;
mod testkit_answers;
mod token_renewal;
mod values;
mod zero_knowledge;
