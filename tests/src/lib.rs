//! Test support of this package: a vault with an account ([`World`]), a proxy that records ([`proxy`]),
//! and calls of the vault without the client ([`raw`]).

#![allow(
    clippy::unwrap_used,
    reason = "a test fails loudly, and this is for tests only"
)]

pub mod proxy;
pub mod raw;
mod world;

pub use world::{By, COMBINATIONS, Combination, Member, With, World, test_key};
