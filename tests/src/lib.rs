//! Test support of this package: a vault with an account ([`World`]), a proxy that records ([`proxy`]),
//! a search for secrets that must be absent ([`search`]), and calls of the vault without the client
//! ([`raw`]).

#![allow(
    clippy::unwrap_used,
    reason = "a test fails loudly, and this is for tests only"
)]

pub mod proxy;
pub mod raw;
pub mod search;
mod world;

pub use world::{By, COMBINATIONS, Combination, Member, With, World, test_key};
