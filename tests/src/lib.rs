//! What the tests of this package share: a vault with an account ([`World`]), a proxy that records
//! ([`proxy`]), a search for what must be nowhere ([`search`]), and the vault without the client ([`raw`]).

#![allow(
    clippy::unwrap_used,
    reason = "a test fails loudly, and this is for tests only"
)]

pub mod proxy;
pub mod raw;
pub mod search;
mod world;

pub use world::{By, COMBINATIONS, Combination, Member, With, World, test_key};
