//! Classifies errors of the libraries by how far the request came.

use std::error::Error as StdError;
use std::io;

use super::progress::Progress;
use crate::http::framing::TooMuchFraming;
use crate::http::informational::TooManyInformational;
use crate::http::{Failure, Late, TransportError};

/// No connection was made.
pub(super) fn not_connected(error: &(dyn StdError + 'static)) -> TransportError {
    because(Failure::NotSent, error)
}

/// A timeout.
pub(super) fn timed_out(progress: &Progress, late: Late) -> TransportError {
    let failure = match progress.sent() {
        true => Failure::TimedOut,
        false => Failure::NotSent,
    };
    TransportError::with_source(failure, late)
}

/// The connection broke, or the answer is not HTTP.
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

/// Returns true if the chunks or trailers of a body are malformed or too many. `hyper` reports that as an
/// error of the connection, like a damaged TLS record, which is something else.
fn is_framing(error: &hyper::Error) -> bool {
    let invalid = [io::ErrorKind::InvalidData, io::ErrorKind::InvalidInput];
    let mut io = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
    io.any(|io| invalid.contains(&io.kind()))
        && !causes(error).any(|cause| cause.is::<rustls::Error>())
}

/// Too many informational answers came.
pub(super) fn flooded() -> TransportError {
    TransportError::with_source(Failure::Malformed, TooManyInformational)
}

/// Describes a failure by its innermost cause; the outer ones only name places in the library.
fn because(failure: Failure, error: &(dyn StdError + 'static)) -> TransportError {
    match causes(error).last() {
        // Kept as it is: it names the reason for which a certificate was refused.
        Some(cause) => match cause.downcast_ref::<rustls::Error>() {
            Some(error) => TransportError::with_source(failure, error.clone()),
            None => TransportError::with_source(failure, cause.to_string()),
        },
        None => TransportError::new(failure),
    }
}

/// Returns an error and its causes, including the error that an I/O error wraps, which `source` skips.
pub(super) fn causes<'a>(
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
