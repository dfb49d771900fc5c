#![doc = include_str!("../README.md")]
//!
//! # Modules
//!
//! - `vault`: the handle and its thread; `connections`: serves connections within bounds
//! - `provision`: makes organizations, accounts (`account`) and API tokens (`api_token`)
//! - `dev`: one account with its credentials in a folder, written by `private_files`
//! - `serve`: the vault of an organization: settings, signals, and `check`; `tls`, `proxies`, `telemetry` and
//!   `log` are its parts, and a `problem` is a wrong setting or file
//! - `maintenance`: make a bootstrap token; migrate, back up, restore and copy a database; verify its audit record
//! - `http`: one file per call; `readiness`: the state for load balancers
//! - `shared`: the state of all calls: `limits` (rates), `budget` (memory), `cache` (lists), `read_log` (reads for the audit
//!   record), and `store`, the database and the only folder with SQL
//! - `token`: random credentials and their hashes
//! - `faults` (feature): misbehaviour for tests
//!
//! A request passes `connections`, `http`, `http::authorized`, `shared`, and `cache` or `store`.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod account;
mod answer;
mod api_token;
mod budget;
mod cache;
mod connections;
mod dev;
mod error;
#[cfg(feature = "faults")]
pub mod faults;
mod folder;
mod http;
mod limits;
mod lock;
mod log;
pub mod maintenance;
mod observed_calls;
mod plural;
mod private_files;
mod problem;
mod provision;
mod proxies;
mod read_log;
mod readiness;
mod runtime;
pub mod serve;
mod settings;
mod shared;
mod store;
mod telemetry;
mod tls;
mod token;
mod vault;

pub use account::{Account, NewAccount, Organization};
pub use api_token::NewApiToken;
pub use dev::{DevCredentials, DevVault};
pub use error::Error;
pub use limits::{InvalidRate, Rate, RateLimits};
pub use store::{Database, InvalidDatabase, StoredSecret};
pub use vault::{Vault, VaultBuilder};

// The types of other crates in signatures.
pub use helvetisafe_crypto::{Error as CryptoError, Fingerprint, PrivateKey};
pub use helvetisafe_proto::{Scope, Scopes};
pub use jiff::Timestamp;
pub use secrecy::{ExposeSecret, SecretString};
