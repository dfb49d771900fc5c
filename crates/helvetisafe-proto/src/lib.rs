//! The HelvetiSafe wire protocol without I/O.
//!
//! **In scope:** the requests and answers of the eight calls of the published vault ([`endpoint`]) and of the calls for
//! administration ([`endpoint::organization`]), the names of secrets ([`KeyName`]), [`Scope`]s, the headers of
//! credentials ([`auth`]), the meaning of a status ([`ApiError`]), and the decision if and when to retry ([`retry`]).
//!
//! **Out of scope:** sockets, clocks, randomness, threads and cryptography. Durations, dates and
//! jitter are parameters. Ciphertext is a base64 string here; the crate `helvetisafe-crypto` encrypts
//! and decrypts it.
//!
//! ```
//! use helvetisafe_proto::{BaseUrl, Endpoint, KeyName, endpoint::GetSecret};
//!
//! let base = BaseUrl::parse("https://vault.example/tenant/")?;
//! let call = GetSecret { key: KeyName::parse("database_password")? };
//! let request = call.request(&base);
//! assert_eq!(request.uri(), "https://vault.example/tenant/api/v1/secrets/database_password");
//!
//! // Send it with any HTTP library, then:
//! let body = br#"{"key":"database_password","value":"AAAA","nonce":"AAAAAAAAAAAAAAAA"}"#;
//! let answer = http::Response::new(body.to_vec());
//! assert_eq!(call.parse(answer)?.value, "AAAA");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod auth;
mod base_url;
mod binary;
pub mod endpoint;
mod error;
mod key_epoch;
mod key_name;
pub mod milliseconds;
pub mod retry;
mod scope;
mod time;
mod version;

pub use base_url::{BaseUrl, InvalidBaseUrl};
pub use binary::{Base64, Hex, InvalidHex};
pub use endpoint::Endpoint;
pub use error::{ApiError, ErrorBody, ErrorCode, Kind, UnknownErrorCode};
pub use key_name::{InvalidKeyName, KeyName, ListedKey};
pub use scope::{InvalidScopeList, Scope, ScopeList, Scopes, ScopesIter, UnknownScope};
pub use time::Time;
pub use version::{InvalidVersion, Version};

// The crates whose types are in signatures.
pub use {http, jiff, secrecy};
