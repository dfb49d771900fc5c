//! The client of the HelvetiSafe secret manager: every value is encrypted before it leaves the
//! process, and the server only ever holds ciphertext.
//!
//! ```no_run
//! use helvetisafe::{Client, Credentials, KeySource};
//!
//! let client = Client::builder(
//!     "https://vault.helvetisafe.ch",
//!     Credentials::service_account("client-id", "client-secret"),
//!     KeySource::pem_file("/etc/app/private-key.pem"),
//! )
//! .connect()?;
//!
//! client.secrets().create("database_password", "s3cr3t-v@lue", None)?;
//! let secret = client.secrets().get("database_password")?;
//! assert_eq!(secret.expose_secret(), "s3cr3t-v@lue");
//! # Ok::<(), helvetisafe::Error>(())
//! ```
//!
//! - [`Client`] connects: with [`Credentials`] (a service account or a portal API token) and a
//!   [`KeySource`] (a PEM file, a PEM, or the account's password), all two times three of them. It
//!   fetches and unwraps the org key and keeps it for its life; it is cheap to clone, `Send` and
//!   `Sync`.
//! - [`Client::secrets`] has the operations: create, get, update, put, copy, delete, list, exists;
//!   [many at once](Secrets::get_many); and [the changes](Secrets::watch) of some secrets.
//! - [`ClientBuilder::cache`] keeps values in memory for a while; [`Secret::freshness`] says how old
//!   each is.
//! - [`Client::resumption_ticket`] is for programs that start often: the next one needs no access
//!   token of its own.
//! - [`Error`] says what happened, to which secret, and what to do; [`ErrorKind`] is for matching.
//! - [`Transport`] is one method, so that any HTTP library, or a closure in a test, can take the
//!   place of the default, which is `ureq`.
//!
//! # Features
//!
//! - `async`: `AsyncClient`, with the same methods, on tokio. Without it there is no asynchronous
//!   runtime among the dependencies.
//! - `serde`: `Secret::parse`, for values that are JSON and for secrets with fields.
//! - `config`: `ConfigSource`, for the crate `config`.
//! - `tracing`: a span for each call and an event for each attempt; names of secrets at debug level
//!   only.
//! - `platform-roots`, on by default, trusts what the operating system trusts; `bundled-roots` has
//!   Mozilla's roots compiled in. With neither, a vault behind TLS has to be trusted with
//!   [`ClientBuilder::ca_certificate`].
//! - `quiet-log` compiles the level `trace` of the crate `log` out of the whole program. At that level
//!   `ureq`, the default transport, logs tokens under the target `ureq_proto`: a program that logs at
//!   `trace` sets this feature, or drops that target.
//!
//! # Secrets in memory
//!
//! Keys, credentials and values are wiped when they are dropped, and so is what a connection held of
//! them, with the blocking client and the asynchronous one. Some libraries below free numbers and
//! buffers without wiping them: `rsa` the primes of the private key, rustls the answer with the access
//! token. A program that wants these gone too sets an allocator that wipes whatever is freed, such as
//! `zeroizing-alloc`; the command does.
//!
//! What is out of scope: keys and ciphers are in `helvetisafe-crypto`, the wire format in
//! `helvetisafe-proto`; a vault for tests is in `helvetisafe-server`.

#[cfg(feature = "async")]
mod asynchronous;
mod binding;
mod builder;
mod cache;
mod client;
mod clock;
#[cfg(feature = "config")]
mod config_source;
mod connection;
mod credentials;
mod driver;
mod error;
mod event;
mod limits;
mod operations;
mod org_keys;
#[cfg(feature = "serde")]
mod parse;
mod secret;
mod secrets;
mod session;
mod ticket;
mod token;
mod trace;
mod transport;
mod watch;

#[cfg(feature = "async")]
pub use asynchronous::{
    Answer, AsyncClient, AsyncClock, AsyncParts, AsyncSecrets, AsyncTransport, AsyncWatch,
};
pub use builder::{ClientBuilder, Parts};
pub use cache::{CachePolicy, Freshness};
pub use client::Client;
pub use clock::Clock;
#[cfg(feature = "config")]
pub use config_source::ConfigSource;
pub use credentials::{Credentials, KeySource};
pub use error::{Error, ErrorKind};
pub use event::Event;
pub use limits::{BodyLimits, Timeouts};
pub use operations::watch::{Change, ChangeKind};
pub use org_keys::{OrgKeyChange, OrgKeyRotation};
#[cfg(feature = "serde")]
pub use parse::InvalidValue;
pub use secret::{Secret, SecretMetadata};
pub use secrets::Secrets;
pub use transport::{AttemptLimits, Failure, Transport, TransportError};
pub use watch::Watch;

pub use helvetisafe_crypto::{Field, Fingerprint};
pub use helvetisafe_proto::auth::ApiTokenHeader;
pub use helvetisafe_proto::endpoint::Expiry;
pub use helvetisafe_proto::retry::RetryPolicy;
pub use helvetisafe_proto::{
    BaseUrl, ErrorCode, KeyName, ListedKey, Scope, Scopes, UnknownErrorCode,
};
pub use jiff::Timestamp;
pub use secrecy::{ExposeSecret, SecretString};

/// The code of both READMEs and of the guides, compiled as doctests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../../../docs/library.md")]
#[doc = include_str!("../../../docs/caching.md")]
#[doc = include_str!("../../../docs/async.md")]
#[doc = include_str!("../../../docs/errors.md")]
#[doc = include_str!("../../../docs/testing-your-application.md")]
pub struct Readme;
