//! A peer that answers a TLS handshake with another protocol.

use std::error::Error as StdError;

use rustls::InvalidMessage;

use super::certificate::causes;

/// The peer that does not speak TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("does not speak TLS; is it http://?")]
pub(super) enum NoTls {
    Vault,
    Proxy,
}

impl NoTls {
    /// Finds the peer in an error of an HTTP library and its causes.
    pub(super) fn find(error: &(dyn StdError + 'static)) -> Option<Self> {
        causes(error).find_map(|cause| match cause.downcast_ref() {
            Some(known) => Some(*known),
            None => is_other_protocol(cause.downcast_ref()?).then_some(Self::Vault),
        })
    }
}

/// Returns true for the error of a handshake whose first answer is no TLS record, such as `HTTP/1.1 400`.
pub(super) fn is_other_protocol(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)
    )
}
