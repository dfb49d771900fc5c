//! What an error of the libraries means for whether the request may be sent again.

use std::error::Error as StdError;
use std::io;

use super::progress::Progress;
use crate::transport::framing::TooMuchFraming;
use crate::transport::informational::TooManyInformational;
use crate::transport::{Failure, TransportError};

/// No connection came about.
pub(super) fn not_connected(error: &(dyn StdError + 'static)) -> TransportError {
    let is_tls = causes(error).any(|cause| cause.is::<rustls::Error>());
    because(
        if is_tls {
            Failure::Tls
        } else {
            Failure::NotSent
        },
        error,
    )
}

/// A limit of time was reached.
pub(super) fn timed_out(progress: &Progress) -> TransportError {
    TransportError::new(if progress.sent() {
        Failure::TimedOut
    } else {
        Failure::NotSent
    })
}

/// A connection broke, or what came over it is no HTTP.
pub(super) fn broken(progress: &Progress, error: &hyper::Error) -> TransportError {
    let failure = if !progress.sent() {
        Failure::NotSent
    } else if progress.is_flooded() {
        return flooded();
    } else if progress.is_padded() {
        return TransportError::with_source(Failure::Malformed, TooMuchFraming);
    } else if error.is_parse() || is_framing(error) {
        Failure::Malformed
    } else if progress.is_dead_connection() {
        Failure::DeadConnection
    } else {
        Failure::Lost
    };
    because(failure, error)
}

/// Returns whether the chunks or trailers of a body are no HTTP, or too many. To `hyper` that is an error of
/// the connection. So is a damaged TLS record, which says nothing of HTTP.
fn is_framing(error: &hyper::Error) -> bool {
    let invalid = [io::ErrorKind::InvalidData, io::ErrorKind::InvalidInput];
    let mut io = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
    io.any(|io| invalid.contains(&io.kind()))
        && !causes(error).any(|cause| cause.is::<rustls::Error>())
}

/// Informational answers came without end.
pub(super) fn flooded() -> TransportError {
    TransportError::with_source(Failure::Malformed, TooManyInformational)
}

/// The innermost cause says what happened; those around it, where in the library.
fn because(failure: Failure, error: &(dyn StdError + 'static)) -> TransportError {
    let cause = causes(error).last().map(ToString::to_string);
    TransportError::with_source(failure, cause.unwrap_or_default())
}

/// An error and what is within it. The source of an I/O error is the source of what it wraps, which
/// would be passed over.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let io: Option<&io::Error> = error.downcast_ref();
        match io.and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn StdError + 'static)),
            None => error.source(),
        }
    })
}
