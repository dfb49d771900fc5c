//! An agent of the application. `ureq` panics when the agent's TLS needs a feature that `ureq` was compiled without,
//! and its public API does not show which features it has.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::http::{Failure, TransportError};

/// The beginnings of the messages of these panics. `ureq` is pinned to one minor version.
const PANICS: [&str; 3] = [
    "No CryptoProvider for Rustls",
    "WebPki is disabled",
    "Rustls + PlatformVerifier requires feature",
];

/// The agent's TLS needs a feature that `ureq` was compiled without.
#[derive(Debug, thiserror::Error)]
#[error(
    "the agent has no cryptography or no trusted roots for TLS: set `unversioned_rustls_crypto_provider` and \
     `root_certs` in its `TlsConfig`, or turn on the features `rustls` or `platform-verifier` of `ureq`"
)]
struct NoTls;

/// Sends through the agent, and returns those panics as errors. They come before the handshake, so nothing was sent.
pub(super) fn without_panics_of_tls<T>(send: impl FnOnce() -> T) -> Result<T, TransportError> {
    catch_unwind(AssertUnwindSafe(send)).map_err(|panic| {
        if !is_about_tls(&*panic) {
            resume_unwind(panic);
        }
        TransportError::with_source(Failure::Tls, NoTls)
    })
}

fn is_about_tls(panic: &(dyn Any + Send)) -> bool {
    let text = panic.downcast_ref::<&str>();
    text.is_some_and(|text| PANICS.iter().any(|begin| text.starts_with(begin)))
}
