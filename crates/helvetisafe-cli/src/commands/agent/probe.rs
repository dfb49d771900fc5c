//! `agent --check`: asks a running agent for its state, for probes in images that have no shell and no `curl`.

use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use clap::ValueEnum;

use super::listen::Address;
use super::timed::Timed;
use crate::failure::{Failure, Status};

/// The time for an answer. A kubelet waits for one second by default.
const TIMEOUT: Duration = Duration::from_millis(900);
/// The maximum bytes of an answer.
const LIMIT: usize = 4096;

/// The state to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Probe {
    Ready,
    Health,
}

impl Probe {
    fn path(self) -> &'static str {
        match self {
            Self::Ready => "/ready",
            Self::Health => "/health",
        }
    }
}

/// Fails unless the agent at an address answers 200.
pub(super) fn check(address: &Address, probe: Probe) -> Result<(), Failure> {
    match status(address, probe.path()) {
        Ok(200) => Ok(()),
        Ok(503) => Err(Failure::other(format_args!(
            "the agent on {address} has not reached the vault yet"
        ))
        .with_status(Status::NoAnswer as u8)),
        Ok(status) => Err(Failure::other(format_args!(
            "{address} answered {status} to {}; is it the agent?",
            probe.path()
        ))),
        Err(error) => Err(Failure::new(
            Status::NoAnswer,
            format_args!("no agent answers on {address}: {error}; is it running, and there?"),
        )),
    }
}

/// Returns true if the agent at an address answers.
#[cfg(all(feature = "systemd", target_os = "linux"))]
pub(super) fn is_healthy(address: &Address) -> bool {
    matches!(status(address, Probe::Health.path()), Ok(200))
}

/// Returns the status of the answer to a request.
fn status(address: &Address, path: &str) -> io::Result<u16> {
    let connection = address.connect(TIMEOUT)?;
    let mut timed = Timed::new(&*connection, TIMEOUT);
    write!(timed, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut head = Vec::with_capacity(LIMIT);
    while head.len() < LIMIT {
        let mut piece = [0; 512];
        let length = timed.read(&mut piece).map_err(late)?;
        if length == 0 {
            break;
        }
        head.extend_from_slice(&piece[..length]);
        if let Some(status) = parse(&head) {
            return Ok(status);
        }
    }
    Err(io::Error::other("it does not speak HTTP"))
}

/// Returns the status; `None` if the head of the answer is incomplete or malformed.
fn parse(head: &[u8]) -> Option<u16> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(head) {
        Ok(parsed) if parsed.is_complete() => response.code,
        _ => None,
    }
}

/// Describes a timeout, which each system reports in its own words.
fn late(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => io::Error::other("it is too slow"),
        _ => error,
    }
}
