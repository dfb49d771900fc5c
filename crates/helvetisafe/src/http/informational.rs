//! Bounds the informational answers, RFC 9110 section 15.2. A server may send any number of them before the
//! answer itself, and the HTTP libraries have no limit for them.

/// The most informational answers to one request.
pub(crate) const MAX_INFORMATIONAL: u32 = 8;

/// The server sent more than [`MAX_INFORMATIONAL`] of them.
#[derive(Debug, thiserror::Error)]
#[error("more than {} informational answers, and no answer", MAX_INFORMATIONAL)]
pub(crate) struct TooManyInformational;
