//! The checks of the fuzz targets: one function per target, which panics if a property does not hold.
//!
//! They do not depend on libFuzzer, so `tests/replay.rs` runs every seed through them in an ordinary
//! `cargo test`.

#![allow(
    clippy::unwrap_used,
    reason = "libFuzzer detects a failed check by its panic"
)]

mod base_url;
mod fixtures;
mod follow_chain;
mod key_name;
pub mod mutate;
mod open_envelope;
mod parse_invitation_code;
mod parse_jwk;
mod parse_organization_keys;
mod parse_payload;
mod parse_pem;
mod parse_response;
mod parse_words;
mod retry_after;
mod unlock_private_key;
mod unwrap_org_key;

pub use base_url::base_url;
pub use follow_chain::follow_chain;
pub use key_name::key_name;
pub use open_envelope::open_envelope;
pub use parse_invitation_code::parse_invitation_code;
pub use parse_jwk::parse_jwk;
pub use parse_organization_keys::parse_organization_keys;
pub use parse_payload::parse_payload;
pub use parse_pem::parse_pem;
pub use parse_response::parse_response;
pub use parse_words::parse_words;
pub use retry_after::retry_after;
pub use unlock_private_key::unlock_private_key;
pub use unwrap_org_key::unwrap_org_key;

/// A check of any bytes.
pub type Check = fn(&[u8]);

/// Every check with the name of its fuzz target, which is also the name of its folder of seeds.
pub const CHECKS: [(&str, Check); 14] = [
    ("base_url", base_url),
    ("follow_chain", follow_chain),
    ("key_name", key_name),
    ("open_envelope", open_envelope),
    ("parse_invitation_code", parse_invitation_code),
    ("parse_jwk", parse_jwk),
    ("parse_organization_keys", parse_organization_keys),
    ("parse_payload", parse_payload),
    ("parse_pem", parse_pem),
    ("parse_response", parse_response),
    ("parse_words", parse_words),
    ("retry_after", retry_after),
    ("unlock_private_key", unlock_private_key),
    ("unwrap_org_key", unwrap_org_key),
];
