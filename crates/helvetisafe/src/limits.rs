use std::time::Duration;

use helvetisafe_proto::endpoint::AnswerSize;
#[cfg(feature = "serde")]
use helvetisafe_proto::milliseconds;

/// Longer than any wait, and short enough to be added to every clock.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Time limits.
///
/// With a limit of zero the default transport sends nothing, and every call fails with
/// [`ErrorKind::Transport`](crate::ErrorKind::Transport). Limits over one year, such as [`Duration::MAX`],
/// are one year.
///
/// A later version may add fields, so end a literal with `..Timeouts::default()`.
///
/// With the feature `serde` they are read and written as whole milliseconds: `connect_ms`, `attempt_ms`,
/// `silence_ms` and `operation_ms`. A missing member has its default; an unknown one is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields)
)]
pub struct Timeouts {
    /// Name lookup, TCP and TLS together.
    #[cfg_attr(feature = "serde", serde(rename = "connect_ms", with = "milliseconds"))]
    pub connect: Duration,
    /// One attempt, from the name lookup to the last byte.
    #[cfg_attr(feature = "serde", serde(rename = "attempt_ms", with = "milliseconds"))]
    pub attempt: Duration,
    /// Silence while reading or writing.
    #[cfg_attr(feature = "serde", serde(rename = "silence_ms", with = "milliseconds"))]
    pub silence: Duration,
    /// A whole operation, including its access token, its waits and its repetitions.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "operation_ms", with = "milliseconds")
    )]
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
}

/// The largest answers, in bytes.
///
/// A later version may add fields, so end a literal with `..BodyLimits::default()`. With the feature `serde` a missing
/// member has its default; an unknown one is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields)
)]
pub struct BodyLimits {
    /// A token, the org key, the private key, or the metadata of one write.
    pub credential: usize,
    /// One secret, in base64. A larger one is not written either, since it could not be read back.
    pub secret: usize,
    /// The list of all names, or one page of it from a vault that has pages. All pages together may have eight
    /// times as much.
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
    pub(crate) fn of(self, size: AnswerSize) -> usize {
        match size {
            AnswerSize::Credential => self.credential,
            AnswerSize::Secret => self.secret,
            AnswerSize::List => self.list,
        }
    }
}
