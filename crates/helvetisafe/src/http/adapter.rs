//! The common part of the adapters for HTTP libraries of the application: reads an answer within the limits of an
//! attempt, and finds in the sources of an error how far the request came.

use std::error::Error as StdError;
use std::io;
use std::iter::successors;
use std::pin::pin;

use bytes::{BufMut, Bytes};
use http::Response;
use http_body_util::BodyExt;
use hyper::body::Body;
use rustls::AlertDescription;
use tokio::time::{error::Elapsed, timeout};
use zeroize::Zeroizing;

use super::{AttemptLimits, Failure, Late, TransportError};

/// The first allocation for a body without an announced length.
const FIRST_BODY: usize = 4096;

pub(super) type BoxError = Box<dyn StdError + Send + Sync>;

/// Returns a body that is wiped when its last reader drops it.
pub(super) fn wiped(body: Vec<u8>) -> Bytes {
    Bytes::from_owner(Zeroizing::new(body))
}

/// Waits for an answer and reads its body, within the limits of an attempt.
pub(super) async fn exchange<B>(
    limits: AttemptLimits,
    sent: impl Future<Output = Result<Response<B>, TransportError>>,
) -> Result<Response<Vec<u8>>, TransportError>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let answered = async { read(sent.await?, limits.body).await };
    match timeout(limits.time, answered).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let late = Late::Attempt(limits.time);
            Err(TransportError::with_source(Failure::TimedOut, late))
        }
    }
}

async fn read<B>(answer: Response<B>, limit: usize) -> Result<Response<Vec<u8>>, TransportError>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let (parts, body) = answer.into_parts();
    let mut body = pin!(body);
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(TransportError::new(Failure::TooLarge));
    }
    let capacity = announced.max(FIRST_BODY).min(limit);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(explain)?.into_data() else {
            continue;
        };
        if bytes::Buf::remaining(&data) > limit - bytes.len() {
            return Err(TransportError::new(Failure::TooLarge));
        }
        bytes.put(data);
    }
    Ok(Response::from_parts(parts, std::mem::take(&mut *bytes)))
}

/// Explains an error of a library that has taken the request.
pub(super) fn explain(error: impl Into<BoxError>) -> TransportError {
    match error.into().downcast::<TransportError>() {
        Ok(own) => *own,
        Err(error) => TransportError::with_source(failure(&*error), error),
    }
}

/// Returns [`Failure::Lost`] for an error that does not show how far the request came.
fn failure(error: &(dyn StdError + 'static)) -> Failure {
    let is_connecting = sources(error).any(is_connecting);
    match sources(error).find_map(|it| it.downcast_ref::<rustls::Error>()) {
        Some(_) if is_connecting => Failure::Tls,
        // The vault refused the connection after the client's side of the handshake.
        Some(rustls::Error::AlertReceived(AlertDescription::CertificateRequired)) => Failure::Tls,
        _ if is_connecting => Failure::NotSent,
        _ => sources(error)
            .find_map(known_failure)
            .unwrap_or(Failure::Lost),
    }
}

fn is_connecting(error: &(dyn StdError + 'static)) -> bool {
    let of_hyper = error.downcast_ref::<hyper_util::client::legacy::Error>();
    let of_system = error.downcast_ref::<io::Error>();
    of_hyper.is_some_and(hyper_util::client::legacy::Error::is_connect)
        || of_system.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

fn known_failure(error: &(dyn StdError + 'static)) -> Option<Failure> {
    if error.is::<Elapsed>() {
        return Some(Failure::TimedOut);
    }
    if let Some(own) = error.downcast_ref::<TransportError>() {
        return Some(own.failure());
    }
    let error = error.downcast_ref::<hyper::Error>()?;
    if error.is_parse() {
        return Some(Failure::Malformed);
    }
    error.is_timeout().then_some(Failure::TimedOut)
}

/// Returns an error and its sources.
fn sources<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    successors(Some(error), |error| source(*error))
}

/// Returns the source of an error; of an I/O error that which it wraps, since its `source` leaves that out.
fn source<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    let io = error.downcast_ref::<io::Error>();
    match io.and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}
