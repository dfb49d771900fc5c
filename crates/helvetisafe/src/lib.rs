//! The client of the HelvetiSafe secret manager. Every value is encrypted before it leaves the
//! process, and the server stores only ciphertext.
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
//! - [`Client`] connects with [`Credentials`] (a service account or a portal API token) and a [`KeySource`] (a
//!   PEM file, a PEM, or the account's password), in any combination. It fetches and unwraps the org key once.
//!   It is cheap to clone, `Send` and `Sync`.
//! - [`Client::secrets`] has the operations: create, get, update, put, copy, delete, list, exists;
//!   [many at once](Secrets::get_many); and [watching for changes](Secrets::watch).
//! - [`Secrets::within`], [`Secrets::with`] and [`Secrets::cancelled_by`] limit and cancel operations.
//! - [`load`] reads many secrets into typed settings. [`SecretStore`] is the trait to take instead of a client.
//! - [`ClientBuilder::cache`] caches values in memory; [`Secret::freshness`] returns the age of each.
//! - [`Client::resumption_ticket`] is for programs that start often: the next run needs no new access token.
//! - [`Error`] names the failed action, the secret, the cause and a remedy; [`ErrorKind`] is for matching.
//! - [`Transport`] is one method, so that any HTTP library, or a closure in a test, can replace the default,
//!   which is `ureq`.
//!
//! # Features
//!
//! - `async`: `AsyncClient`, with the same methods, on tokio. Without it the crate depends on no asynchronous
//!   runtime.
//! - `serde`: `Secret::parse` and `load::json`, for JSON values and multi-field secrets; and the traits of serde for plain
//!   settings, such as [`Timeouts`] and [`CachePolicy`].
//! - `config`: `ConfigSource`, for the crate `config`.
//! - `tracing`: a span for each operation and each request, and an event for
//!   every other [`Event`]; names of secrets at debug level only.
//! - `organization`: the module `organization`, to administer an organization, and `OrgKeyRotation::follow_chain`.
//! - `test-util`: `MemoryStore`, a [`SecretStore`] in memory for the tests of an application.
//! - `platform-roots`, on by default, trusts the roots of the operating system; `bundled-roots` compiles in
//!   Mozilla's roots. With neither, a vault behind TLS needs [`ClientBuilder::ca_certificate`].
//! - `rustls-config`: [`ClientBuilder`]'s `rustls_config`, for a TLS configuration of the caller's.
//! - `reqwest`: `ReqwestTransport`, and `tower`: `TowerTransport`, for the asynchronous client.
//! - `quiet-log` compiles the level `trace` of the crate `log` out of the whole program. At that level
//!   `ureq`, the default transport, logs tokens under the target `ureq_proto`: a program that logs at
//!   `trace` sets this feature, or drops that target.
//!
//! # Secrets in memory
//!
//! Both clients wipe keys, credentials, values and the buffers of connections when they are dropped. Two libraries free
//! memory without wiping it: `rsa` the primes of the private key, rustls the answer with the access token. To wipe these
//! too, set an allocator that wipes all freed memory, such as `zeroizing-alloc`, as the command does.
//!
//! Out of scope: keys and ciphers are in `helvetisafe-crypto`, the wire format in `helvetisafe-proto`, and a
//! vault for tests in `helvetisafe-server`.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "organization")]
mod administration;
mod api;
#[cfg(feature = "async")]
mod async_client;
mod auth;
mod binding;
mod bounds;
mod builder;
mod bytes;
mod cache;
mod call_options;
mod cancel;
mod client;
mod clock;
mod config_error;
#[cfg(feature = "config")]
mod config_source;
mod credentials;
mod error;
mod event;
mod expiry;
mod http;
mod keys;
mod limits;
pub mod load;
mod observer;
mod operations;
mod org_keys;
#[cfg(feature = "organization")]
pub mod organization;
#[cfg(feature = "serde")]
mod parse;
mod put_item;
pub mod reexports;
mod runtime;
mod secret;
mod secret_text;
mod secrets;
mod single_flight;
mod store;
mod trace;
mod vault;
mod watch;

#[cfg(feature = "reqwest")]
pub use self::http::ReqwestTransport;
#[cfg(feature = "tower")]
pub use self::http::TowerTransport;
#[cfg(feature = "async")]
pub use self::http::{Answer, AsyncTransport};
pub use self::http::{AttemptLimits, Failure, Transport, TransportError};
#[cfg(feature = "async")]
pub use async_client::{AsyncClient, AsyncParts, AsyncSecrets, AsyncWatch};
pub use builder::{ClientBuilder, Parts, WithAccount};
pub use cache::{CachePolicy, Freshness};
pub use call_options::CallOptions;
pub use cancel::CancelToken;
pub use client::Client;
#[cfg(feature = "async")]
pub use clock::AsyncClock;
pub use clock::Clock;
#[cfg(feature = "config")]
pub use config_source::{ConfigSource, RedactedConfigError};
pub use credentials::{Credentials, KeySource};
pub use error::{Error, ErrorKind, Setting};
pub use event::{CallInfo, Event, EventError, HiddenKey};
pub use expiry::Expiry;
pub use limits::{BodyLimits, Timeouts};
pub use operations::watch::{Change, ChangeKind};
pub use org_keys::{OrgKeyChange, OrgKeyRotation};
#[cfg(feature = "serde")]
pub use parse::{InvalidValue, InvalidValueKind};
pub use put_item::PutItem;
pub use secret::{Secret, SecretMetadata, Written};
pub use secret_text::SecretText;
pub use secrets::Secrets;
#[cfg(feature = "test-util")]
pub use store::MemoryStore;
pub use store::SecretStore;
#[cfg(feature = "async")]
pub use store::{AsyncSecretStore, StoreFuture};
pub use watch::Watch;

pub use helvetisafe_crypto::{Error as CryptoError, Field, FieldValue, Fingerprint, InvalidPem};
pub use helvetisafe_proto::auth::ApiTokenHeader;
pub use helvetisafe_proto::retry::RetryPolicy;
pub use helvetisafe_proto::{
    BaseUrl, ErrorCode, InvalidBaseUrl, InvalidKeyName, InvalidVersion, KeyName, ListedKey, Scope,
    Scopes, UnknownErrorCode, UnknownScope, Version,
};
pub use jiff::Timestamp;
pub use secrecy::{ExposeSecret, SecretSlice, SecretString};

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
