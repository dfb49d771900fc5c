#![doc = include_str!("../README.md")]
//!
//! # How the crate is laid out
//!
//! `vault` is the handle and its thread, `provision` makes organizations, accounts and API tokens,
//! `dev` keeps one account in a folder, `faults` misbehaves for tests, `http` holds the calls with one
//! file each, `limits` says how often, `store` is the database and the only folder that names `sqlx`. A request goes
//! `vault::connections` → `http` → `http::allowed` (who is it, may it, how often) → `store`, and
//! comes back.

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
