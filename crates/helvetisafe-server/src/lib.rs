#![doc = include_str!("../README.md")]
//!
//! # How the crate is laid out
//!
//! `vault` is the handle and its thread, `provision` makes organizations, accounts and API tokens,
//! `dev` keeps one account in a folder, whose files `private` writes. `http` holds the calls with
//! one file each, `shared` is what all of them have: `limits` says how often, `budget` how much memory,
//! `cache` what need not be asked of the database, `store` is the database and the only folder that names `sqlx`. `token`
//! makes random credentials and their hashes, `faults` misbehaves for tests.
//!
//! A request goes `vault::connections` → `http` → `http::allowed` (who is it, may it, how often) →
//! `shared` → `cache` or `store`, and comes back.

mod budget;
mod cache;
mod dev;
mod error;
pub mod faults;
mod http;
mod limits;
mod private;
mod provision;
mod shared;
mod store;
mod token;
mod vault;

pub use dev::{DevCredentials, DevVault};
pub use error::Error;
pub use limits::{InvalidRate, Rate, RateLimits};
pub use provision::{Account, NewAccount, NewApiToken, Organization};
pub use store::StoredSecret;
pub use vault::{Vault, VaultBuilder};
