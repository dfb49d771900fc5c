use std::time::Duration;

use helvetisafe_proto::endpoint::BodySize;

use crate::transport::{Failure, TransportError};

/// Longer than anybody waits, and short enough to be added to every clock.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How long things may take.
///
/// Zero is no time at all: the default transport sends nothing, and every call fails with
/// [`ErrorKind::Transport`](crate::ErrorKind::Transport). [`Duration::MAX`], and whatever is longer than
/// a year, is a year, which is as good as no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name look-up, TCP and TLS together.
    pub connect: Duration,
    /// One attempt, from the name look-up to the last byte.
    pub attempt: Duration,
    /// Silence while reading or writing.
    pub silence: Duration,
    /// A whole operation, with its token, its waits and its repetitions.
    pub operation: Duration,
}

impl Default for Timeouts {
    /// 3 s to connect, 10 s for an attempt, 5 s of silence, 30 s for an operation.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            attempt: Duration::from_secs(10),
            silence: Duration::from_secs(5),
            operation: Duration::from_secs(30),
        }
    }
}

impl Timeouts {
    pub(crate) fn bounded(self) -> Self {
        Self {
            connect: self.connect.min(LONGEST),
            attempt: self.attempt.min(LONGEST),
            silence: self.silence.min(LONGEST),
            operation: self.operation.min(LONGEST),
        }
    }

    /// Whether a connection may take any time, which libraries do not all ask before they make one.
    pub(crate) fn check_connection(&self) -> Result<(), TransportError> {
        if self.connect.is_zero() || self.silence.is_zero() {
            let reason = "the timeout for connecting or for silence is zero";
            return Err(TransportError::with_source(Failure::NotSent, reason));
        }
        Ok(())
    }
}

/// How large answers may be, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// A token, the org key, the private key, or the metadata of one write.
    pub credential: usize,
    /// One secret, in base64. What is larger is not written either, since it could not be read.
    pub secret: usize,
    /// The list of all names.
    pub list: usize,
}

impl Default for BodyLimits {
    /// 64 KiB, 2 MiB (a value of 1 MiB and a bit, in base64) and 16 MiB.
    fn default() -> Self {
        Self {
            credential: 64 << 10,
            secret: 2 << 20,
            list: 16 << 20,
        }
    }
}

impl BodyLimits {
    pub(crate) fn of(&self, size: BodySize) -> usize {
        match size {
            BodySize::Credential => self.credential,
            BodySize::Secret => self.secret,
            BodySize::List => self.list,
        }
    }
}
