//! Informational answers, RFC 9110 section 15.2. A server may send any number of them before the
//! answer itself, and both HTTP libraries read on for as long as they come.

/// Informational answers that may come before the answer to one request.
pub(crate) const MAX_INFORMATIONAL: u32 = 8;

/// A server sent more than [`MAX_INFORMATIONAL`] of them.
#[derive(Debug, thiserror::Error)]
#[error("more than {} informational answers, and no answer", MAX_INFORMATIONAL)]
pub(crate) struct TooManyInformational;
