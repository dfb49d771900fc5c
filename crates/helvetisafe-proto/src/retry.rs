//! The retry policy, as pure functions.
//!
//! [`judge`] decides what follows a failed attempt, [`wait`] how long to wait before the
//! next one, and [`is_unknown`] if a failed call may have had its effect. The caller counts attempts,
//! sleeps and draws the jitter.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::{DATE, HeaderMap, RETRY_AFTER};
use serde::{Deserialize, Serialize};

use crate::{Kind, milliseconds};

/// The rules for repeating a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// A `GET`: it changes nothing.
    Read,
    /// The token request: it is repeated like a read, but a refusal is final.
    Token,
    /// A `PUT`: twice has the same effect as once.
    Update,
    /// A `DELETE`: twice has the same effect as once, but the second answer is 404.
    Delete,
    /// The `POST` that creates: the second one conflicts with the first.
    Create,
    /// A `PUT` with a condition: the first one makes the condition of the second one false.
    UpdateIf,
}

impl Repeat {
    /// Returns true if a second request fails after the first one has had its effect.
    fn is_once(self) -> bool {
        matches!(self, Self::Create | Self::UpdateIf)
    }

    /// Returns true if an answer of this kind can come from the effect of an earlier attempt.
    fn may_meet_itself(self, kind: Kind) -> bool {
        matches!(
            (self, kind),
            (Self::Delete, Kind::NotFound)
                | (Self::Create, Kind::Conflict)
                | (Self::UpdateIf, Kind::Changed)
        )
    }
}

/// The result of an attempt that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptFailure {
    /// No byte of the request was sent: no address, connection refused, no TLS in time.
    NotSent,
    /// TLS failed for a lasting reason, such as an untrusted certificate. No byte was sent.
    Untrusted,
    /// A reused connection turned out to be closed: no byte of an answer came.
    DeadConnection,
    /// The request, or a part of it, was sent and no whole answer came back.
    Lost,
    /// The answer cannot be read: it is not HTTP, too large, or a success with a malformed body.
    Unreadable,
    /// A whole answer with this status.
    Status {
        /// The kind of the answer: [`ApiError::kind`](crate::ApiError::kind).
        kind: Kind,
        /// The status.
        status: StatusCode,
        /// True if the answer has a `Retry-After`.
        has_retry_after: bool,
    },
}

/// The possible effect of failed attempts at the server, in ascending order of uncertainty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Nothing.
    #[default]
    None,
    /// The server may have acted, and has ended the request: 408 or 5xx.
    Possible,
    /// The server may have acted, or may act yet: no readable answer came.
    Pending,
}

impl AttemptFailure {
    /// Returns the possible effect of the attempt.
    #[must_use]
    pub fn effect(self) -> Effect {
        match self {
            Self::NotSent | Self::Untrusted => Effect::None,
            Self::DeadConnection | Self::Lost | Self::Unreadable => Effect::Pending,
            Self::Status {
                kind: Kind::Unavailable,
                ..
            } => Effect::Possible,
            Self::Status { .. } => Effect::None,
        }
    }
}

/// The next step after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Report the failure.
    GiveUp,
    /// Repeat at once, without counting an attempt; once per call. Later, as `Retry`.
    RetryAtOnce,
    /// Wait, then repeat while attempts are left.
    Retry(BackOff),
    /// Read the secret back. If it is as before, wait, then repeat while attempts are left.
    ReadBack,
    /// Find out if an earlier attempt of this call had its effect. If not, report the failure.
    Confirm,
    /// The credential was refused: get another one, once per call, and repeat.
    NewCredential,
    /// The credential lacks a right. If it came from an earlier client, the account may have more
    /// rights by now: get another one, once per call, and repeat. Otherwise report the failure.
    NewerCredential,
}

/// The base of the back-off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BackOff {
    /// The network or the server failed.
    Normal,
    /// The server asked for fewer requests.
    Throttled,
}

/// Decides what follows a failed attempt of a call. `effect` is the greatest one of all attempts of the
/// call so far, this one included.
#[must_use]
pub fn judge(repeat: Repeat, effect: Effect, failure: AttemptFailure) -> Verdict {
    use AttemptFailure::{DeadConnection, Lost, NotSent, Status, Unreadable, Untrusted};
    let is_once = repeat.is_once();
    match failure {
        NotSent => Verdict::Retry(BackOff::Normal),
        Untrusted => Verdict::GiveUp,
        DeadConnection | Lost | Unreadable if is_once => Verdict::ReadBack,
        DeadConnection => Verdict::RetryAtOnce,
        Lost => Verdict::Retry(BackOff::Normal),
        Unreadable => Verdict::GiveUp,
        Status {
            kind,
            status,
            has_retry_after,
        } => match kind {
            Kind::Auth | Kind::Forbidden if repeat == Repeat::Token => Verdict::GiveUp,
            Kind::Auth => Verdict::NewCredential,
            Kind::Forbidden => Verdict::NewerCredential,
            Kind::RateLimited => Verdict::Retry(BackOff::Throttled),
            Kind::Unavailable if is_once && !is_refused_for_now(status, has_retry_after) => {
                Verdict::ReadBack
            }
            Kind::Unavailable => Verdict::Retry(BackOff::Normal),
            kind if effect > Effect::None && repeat.may_meet_itself(kind) => Verdict::Confirm,
            _ => Verdict::GiveUp,
        },
    }
}

/// Returns true if the repetition that follows a failed attempt may go to another address of the same vault. `effect`
/// is the greatest one of all attempts of the call so far, this one included.
///
/// A read moves after a failure of the network or the server, a write only while nothing of it was sent: a write
/// that may have happened at one address stays there.
#[must_use]
pub fn may_move(repeat: Repeat, effect: Effect, failure: AttemptFailure) -> bool {
    let is_read = matches!(repeat, Repeat::Read | Repeat::Token);
    let is_outage = match failure {
        AttemptFailure::NotSent | AttemptFailure::Lost => true,
        AttemptFailure::Status { kind, .. } => kind == Kind::Unavailable,
        _ => false,
    };
    is_outage && (is_read || effect == Effect::None)
}

/// A 503 with a `Retry-After` comes from a server that did not begin the work.
fn is_refused_for_now(status: StatusCode, has_retry_after: bool) -> bool {
    status == StatusCode::SERVICE_UNAVAILABLE && has_retry_after
}

/// Returns true if a failed call may have had its effect. `effect` is the greatest one of all its
/// attempts; `last` is the failure of the last one, or `None` if the call ended before the next
/// attempt was sent.
///
/// After a 5xx a create, or an update with a condition, is read back, and the server does no more work on it,
/// so its effect is known.
#[must_use]
pub fn is_unknown(repeat: Repeat, effect: Effect, last: Option<AttemptFailure>) -> bool {
    let is_lost = effect == Effect::Pending;
    match (repeat, last) {
        (Repeat::Read | Repeat::Token, _) => false,
        (_, Some(AttemptFailure::Status { kind, .. })) => is_lost && !settles(kind),
        (Repeat::Create | Repeat::UpdateIf, _) => is_lost,
        (Repeat::Update | Repeat::Delete, _) => effect > Effect::None,
    }
}

/// Returns true if the refusal of a repetition shows that the lost attempt before it had no effect or the same
/// end. A 401 or 429, for example, shows nothing: the lost attempt may have been accepted.
fn settles(kind: Kind) -> bool {
    matches!(kind, Kind::NotFound | Kind::Conflict | Kind::Rejected)
}

/// The number of attempts, and the waits between them.
///
/// A later version may add fields, so end a literal with `..RetryPolicy::default()`.
///
/// `serde` writes the times as whole milliseconds: `base_ms`, `throttled_base_ms`, `max_back_off_ms` and
/// `max_retry_after_ms`. A missing member has its default; an unknown one is refused.
///
/// ```
/// use std::time::Duration;
///
/// use helvetisafe_proto::retry::RetryPolicy;
///
/// let policy = RetryPolicy {
///     max_attempts: 5,
///     ..RetryPolicy::default()
/// };
/// let read: RetryPolicy = serde_json::from_str(r#"{"max_attempts": 5, "base_ms": 50}"#)?;
/// assert_eq!(read, policy);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryPolicy {
    /// The attempts of a call; 1 turns retries off, and 0 means 1.
    pub max_attempts: u32,
    /// The base of the back-off after a failure.
    #[serde(rename = "base_ms", with = "milliseconds")]
    pub base: Duration,
    /// The base of the back-off after 429.
    #[serde(rename = "throttled_base_ms", with = "milliseconds")]
    pub throttled_base: Duration,
    /// The longest back-off.
    #[serde(rename = "max_back_off_ms", with = "milliseconds")]
    pub max_back_off: Duration,
    /// The longest `Retry-After` that is honoured.
    #[serde(rename = "max_retry_after_ms", with = "milliseconds")]
    pub max_retry_after: Duration,
}

impl Default for RetryPolicy {
    /// 3 attempts; base 50 ms, 1 s when throttled; at most 5 s of back-off and a `Retry-After` of 30 s.
    fn default() -> Self {
        Self {
            max_attempts: 3,
            base: Duration::from_millis(50),
            throttled_base: Duration::from_secs(1),
            max_back_off: Duration::from_secs(5),
            max_retry_after: Duration::from_secs(30),
        }
    }
}

/// Returns the wait of `policy` before the next attempt.
///
/// The back-off has full jitter: uniform in `0..min(max_back_off, base * 2^failures)`, where
/// `failures` counts the attempts before this one that failed, from 0, and `jitter`, in
/// `0.0..1.0`, is drawn by the caller. `asked`, the server's `Retry-After`, can only lengthen it.
/// `remaining` is the time until the deadline of the operation.
///
/// # Errors
///
/// [`WaitTooLong`] when the server asked for more than [`RetryPolicy::max_retry_after`], or the wait is
/// longer than `remaining`.
pub fn wait(
    policy: &RetryPolicy,
    back_off: BackOff,
    failures: u32,
    asked: Option<Duration>,
    remaining: Duration,
    jitter: f64,
) -> Result<Duration, WaitTooLong> {
    let base = match back_off {
        BackOff::Normal => policy.base,
        BackOff::Throttled => policy.throttled_base,
    };
    let longest = base
        .saturating_mul(1 << failures.min(31))
        .min(policy.max_back_off);
    let asked = asked.unwrap_or_default();
    let wait = part(longest, jitter).max(asked);
    if asked > policy.max_retry_after || wait > remaining {
        return Err(WaitTooLong { wait });
    }
    Ok(wait)
}

/// Returns `longest * jitter`, or `longest` if that cannot be computed.
fn part(longest: Duration, jitter: f64) -> Duration {
    let seconds = longest.as_secs_f64() * jitter.clamp(0.0, 1.0);
    Duration::try_from_secs_f64(seconds).unwrap_or(longest)
}

/// The wait is longer than the operation may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the next attempt would have to wait {wait:?}")]
pub struct WaitTooLong {
    /// The wait.
    pub wait: Duration,
}

/// Reads a `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date, which is taken relative to the
/// answer's own `Date`, or to `now` if there is none.
///
/// Returns `None` if the header is missing or malformed.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
        // A number that overflows is longer than any wait.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let since = date(headers).unwrap_or(now);
    Some(until.duration_since(since).unwrap_or_default())
}

/// Reads the `Date` of an answer, RFC 9110 section 6.6.1: the server's time in whole seconds.
#[must_use]
pub fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests;
