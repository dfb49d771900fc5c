//! Test support that the crates of this workspace share: a vault behind a proxy ([`World`]),
//! servers that misbehave ([`server`], [`proxy`], [`tls_server`]), a clock that a test drives
//! ([`DrivenClock`]), one trait for both clients ([`AnyClient`]), and a search for secrets that must be absent
//! ([`Search`]).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "used by tests only, and a test fails loudly"
)]

mod any_client;
mod clock;
pub mod proxy;
mod search;
pub mod server;
pub mod tls_server;
mod world;

#[cfg(feature = "async")]
pub use any_client::TokioClient;
pub use any_client::{AnyClient, ClientKind};
pub use clock::{DrivenClock, Jitter};
pub use proxy::{Action, Proxy, answer};
pub use search::Search;
pub use server::Request;
pub use world::{ORG_KEY, PEM, SECRETS, TOKEN, World, credentials, earlier, wrapped_for_test_key};
