//! The crates whose types are in signatures of this crate, in the versions that it uses.
//!
//! ```
//! use helvetisafe::reexports::http::{Request, Response, StatusCode};
//! use helvetisafe::{Transport, TransportError};
//!
//! /// Answers every request with 503.
//! struct Down;
//!
//! impl Transport for Down {
//!     fn send(&self, _: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
//!         let mut answer = Response::new(Vec::new());
//!         *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
//!         Ok(answer)
//!     }
//! }
//! ```
//!
//! `rustls`, behind the feature `rustls-config`, has no version 1 yet: see
//! [`ClientBuilder`](crate::ClientBuilder)'s `rustls_config`.

pub use ::http;
#[cfg(feature = "config")]
pub use config;
pub use jiff;
#[cfg(feature = "rustls-config")]
pub use rustls;
pub use secrecy;
pub use ureq;
#[cfg(feature = "serde")]
pub use {serde, serde_json};
