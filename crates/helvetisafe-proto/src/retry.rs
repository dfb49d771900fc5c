//! What an outcome means and how long to wait, as pure functions.
//!
//! [`judge`] says what may be done after an event; [`RetryPolicy::wait`] says how long to wait
//! before. Whoever drives them counts attempts, sleeps, and draws the jitter.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::{DATE, HeaderMap, RETRY_AFTER};

/// How a call may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// A `GET`: it changes nothing.
    Read,
    /// The token request: it is repeated like a read, but a refusal is final.
    Token,
    /// A `PUT` or `DELETE`: doing it twice is doing it once.
    Write,
    /// The `POST` that creates: doing it twice may conflict with itself.
    Create,
}

/// What came of one attempt, where it was no success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Not one byte of the request was sent: no address, refused, no TLS in time.
    NotSent,
    /// A connection kept from an earlier call had died: no byte of an answer came.
    DeadConnection,
    /// The request, or a part of it, was sent and no whole answer came back.
    Lost,
    /// An answer that cannot be read: it is no HTTP, too large, or a success that is malformed.
    Unreadable,
    /// A whole answer with this status.
    Status {
        /// The status.
        status: StatusCode,
        /// Whether it says when to come back.
        has_retry_after: bool,
    },
}

/// What may be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: report it.
    GiveUp,
    /// Try again at once, once per operation, without counting an attempt.
    RetryAtOnce,
    /// Wait, then try again while attempts are left.
    Retry(BackOff),
    /// It is unknown whether the secret was created: read it to find out.
    ReadBack,
    /// The credential was refused: get another, once per operation, and try again.
    NewCredential,
}

/// Which base the back-off has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackOff {
    /// The network or the server failed.
    Normal,
    /// The server asked for fewer requests.
    Throttled,
}

/// What may be done after `event` in a call that repeats as `repeat` says.
#[must_use]
pub fn judge(repeat: Repeat, event: Event) -> Verdict {
    let is_create = repeat == Repeat::Create;
    match event {
        Event::NotSent => Verdict::Retry(BackOff::Normal),
        Event::DeadConnection | Event::Lost | Event::Unreadable if is_create => Verdict::ReadBack,
        Event::DeadConnection => Verdict::RetryAtOnce,
        Event::Lost => Verdict::Retry(BackOff::Normal),
        Event::Unreadable => Verdict::GiveUp,
        Event::Status {
            status,
            has_retry_after,
        } => match status.as_u16() {
            401 if repeat == Repeat::Token => Verdict::GiveUp,
            401 => Verdict::NewCredential,
            429 => Verdict::Retry(BackOff::Throttled),
            503 if has_retry_after => Verdict::Retry(BackOff::Normal),
            408 | 500 | 502 | 503 | 504 if is_create => Verdict::ReadBack,
            408 | 500 | 502 | 503 | 504 => Verdict::Retry(BackOff::Normal),
            _ => Verdict::GiveUp,
        },
    }
}

/// How often to try, and how long to wait between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many attempts an operation has; 1 turns retries off, and 0 is 1.
    pub max_attempts: u32,
    /// The back-off's base after a failure.
    pub base: Duration,
    /// The back-off's base after 429.
    pub throttled_base: Duration,
    /// The longest back-off.
    pub max_back_off: Duration,
    /// The longest `Retry-After` that is waited for.
    pub max_retry_after: Duration,
}

impl Default for RetryPolicy {
    /// 3 attempts; base 50 ms, 1 s when throttled; at most 5 s of back-off and 30 s asked for.
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

impl RetryPolicy {
    /// How long to wait before the next attempt.
    ///
    /// The back-off has full jitter: uniform in `0..min(max_back_off, base * 2^failures)`, where
    /// `failures` counts the attempts before this one that failed, from 0, and `jitter`, in
    /// `0.0..1.0`, is the caller's. A server's `asked` can only lengthen it. `remaining` is what is
    /// left of the operation's deadline.
    ///
    /// # Errors
    ///
    /// [`TooLong`] when the server asked for more than [`Self::max_retry_after`], or the wait is
    /// longer than `remaining`.
    pub fn wait(
        &self,
        back_off: BackOff,
        failures: u32,
        asked: Option<Duration>,
        remaining: Duration,
        jitter: f64,
    ) -> Result<Duration, TooLong> {
        let base = match back_off {
            BackOff::Normal => self.base,
            BackOff::Throttled => self.throttled_base,
        };
        let longest = base
            .saturating_mul(1 << failures.min(31))
            .min(self.max_back_off);
        let asked = asked.unwrap_or_default();
        let wait = part(longest, jitter).max(asked);
        if asked > self.max_retry_after || wait > remaining {
            return Err(TooLong { wait });
        }
        Ok(wait)
    }
}

/// The `jitter`th part of `longest`; all of it where that cannot be computed.
fn part(longest: Duration, jitter: f64) -> Duration {
    let seconds = longest.as_secs_f64() * jitter.clamp(0.0, 1.0);
    Duration::try_from_secs_f64(seconds).unwrap_or(longest)
}

/// The wait is longer than the operation may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the next attempt would have to wait {wait:?}")]
pub struct TooLong {
    /// How long it would be.
    pub wait: Duration,
}

/// How long a `Retry-After` asks to wait (RFC 9110 section 10.2.3): seconds, or a date, which is
/// taken relative to the answer's own `Date`, or to `now` where it has none.
///
/// `None` when the header is missing or is neither.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
        // More digits than a u64 holds is longer than anybody waits.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let since = date(headers).unwrap_or(now);
    Some(until.duration_since(since).unwrap_or_default())
}

/// The `Date` of an answer, RFC 9110 section 6.6.1: when the server says it is. Whole seconds.
#[must_use]
pub fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{GiveUp, NewCredential, ReadBack, RetryAtOnce};
    use proptest::prelude::*;

    const AGAIN: Verdict = Verdict::Retry(BackOff::Normal);
    const THROTTLED: Verdict = Verdict::Retry(BackOff::Throttled);

    fn status(code: u16, has_retry_after: bool) -> Event {
        Event::Status {
            status: StatusCode::from_u16(code).unwrap(),
            has_retry_after,
        }
    }

    /// The table of `docs/behaviour.md`, row by row: read, token, write, create.
    #[test]
    fn the_decision_is_the_documented_table() {
        let mut rows = vec![
            (Event::NotSent, [AGAIN; 4]),
            (
                Event::DeadConnection,
                [RetryAtOnce, RetryAtOnce, RetryAtOnce, ReadBack],
            ),
            (Event::Lost, [AGAIN, AGAIN, AGAIN, ReadBack]),
            (Event::Unreadable, [GiveUp, GiveUp, GiveUp, ReadBack]),
            (status(503, true), [AGAIN; 4]),
            (status(429, false), [THROTTLED; 4]),
            (status(429, true), [THROTTLED; 4]),
            (
                status(401, false),
                [NewCredential, GiveUp, NewCredential, NewCredential],
            ),
        ];
        for code in [408, 500, 502, 503, 504] {
            rows.push((status(code, false), [AGAIN, AGAIN, AGAIN, ReadBack]));
        }
        for code in [408, 500, 502, 504] {
            rows.push((status(code, true), [AGAIN, AGAIN, AGAIN, ReadBack]));
        }
        for code in [
            300, 301, 302, 304, 307, 308, 400, 403, 404, 405, 409, 410, 413, 415, 422, 501,
        ] {
            rows.push((status(code, false), [GiveUp; 4]));
        }
        let repeats = [Repeat::Read, Repeat::Token, Repeat::Write, Repeat::Create];
        for (event, verdicts) in rows {
            for (repeat, verdict) in repeats.into_iter().zip(verdicts) {
                assert_eq!(judge(repeat, event), verdict, "{repeat:?} after {event:?}");
            }
        }
    }

    #[test]
    fn the_back_off_doubles_up_to_its_bound() {
        let policy = RetryPolicy::default();
        let longest = |back_off, failures| {
            policy
                .wait(back_off, failures, None, Duration::from_secs(60), 1.0)
                .unwrap()
                .as_millis()
        };
        assert_eq!(
            [0, 1, 2, 6, 7, 40].map(|n| longest(BackOff::Normal, n)),
            [50, 100, 200, 3200, 5000, 5000]
        );
        assert_eq!(
            [0, 1, 2, 3].map(|n| longest(BackOff::Throttled, n)),
            [1000, 2000, 4000, 5000]
        );
        assert_eq!(
            policy.wait(BackOff::Normal, 3, None, Duration::ZERO, 0.0),
            Ok(Duration::ZERO)
        );
    }

    #[test]
    fn no_jitter_and_no_base_makes_it_panic() {
        let endless = Duration::MAX;
        let policy = RetryPolicy {
            base: endless,
            max_back_off: endless,
            ..Default::default()
        };
        for jitter in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1.0] {
            for policy in [policy, RetryPolicy::default()] {
                let _ = policy.wait(BackOff::Normal, u32::MAX, None, endless, jitter);
            }
        }
    }

    #[test]
    fn a_server_can_lengthen_the_wait_but_not_without_bound() {
        let policy = RetryPolicy::default();
        let seconds = Duration::from_secs;
        let wait = |asked, remaining| {
            policy.wait(
                BackOff::Throttled,
                0,
                Some(seconds(asked)),
                seconds(remaining),
                0.5,
            )
        };
        assert_eq!(wait(7, 30), Ok(seconds(7)));
        assert_eq!(wait(0, 30), Ok(Duration::from_millis(500)));
        assert_eq!(wait(30, 30), Ok(seconds(30)));
        assert_eq!(wait(31, 60), Err(TooLong { wait: seconds(31) }));
        assert_eq!(wait(8, 7), Err(TooLong { wait: seconds(8) }));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Mon, 23 Nov 2026 12:00:00 GMT").unwrap();
        let asked = |retry: &str, date: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, retry.parse().unwrap());
            if let Some(date) = date {
                headers.insert(DATE, date.parse().unwrap());
            }
            retry_after(&headers, now).map(|wait| wait.as_secs())
        };
        assert_eq!(asked("5", None), Some(5));
        assert_eq!(asked("99999999999999999999999", None), Some(u64::MAX));
        assert_eq!(asked("Mon, 23 Nov 2026 12:00:09 GMT", None), Some(9));
        assert_eq!(
            asked(
                "Mon, 23 Nov 2026 12:00:09 GMT",
                Some("Mon, 23 Nov 2026 12:00:06 GMT")
            ),
            Some(3)
        );
        assert_eq!(asked("Mon, 23 Nov 2026 11:00:00 GMT", None), Some(0));
        assert_eq!(
            ["", "-1", "1.5", "soon"].map(|text| asked(text, None)),
            [None; 4]
        );
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn a_date_is_read_where_there_is_one() {
        let mut headers = HeaderMap::new();
        assert_eq!(date(&headers), None);
        headers.insert(DATE, "Thu, 01 Jan 1970 00:01:00 GMT".parse().unwrap());
        assert_eq!(
            date(&headers),
            Some(SystemTime::UNIX_EPOCH + Duration::from_secs(60))
        );
        headers.insert(DATE, "yesterday".parse().unwrap());
        assert_eq!(date(&headers), None);
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_what_remains(
            failures: u32, asked in proptest::option::of(0_u64..100), remaining in 0_u64..100,
            jitter in 0.0_f64..1.0, throttled: bool,
        ) {
            let back_off = if throttled { BackOff::Throttled } else { BackOff::Normal };
            let (asked, remaining) = (asked.map(Duration::from_secs), Duration::from_secs(remaining));
            match RetryPolicy::default().wait(back_off, failures, asked, remaining, jitter) {
                Ok(wait) => prop_assert!(wait <= remaining && Some(wait) >= asked),
                Err(TooLong { wait }) => prop_assert!(wait > remaining || wait > Duration::from_secs(30)),
            }
        }
    }
}
