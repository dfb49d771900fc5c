use std::time::{Duration, SystemTime};

use helvetisafe_proto::retry::{self, BackOff, RetryPolicy};
use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};

/// Parses `Retry-After` and `Date`, the two lines of the data, and checks that no wait exceeds the retry
/// policy.
pub fn retry_after(data: &[u8]) {
    let mut lines = data.split(|&byte| byte == b'\n');
    let mut headers = HeaderMap::new();
    for name in [RETRY_AFTER, DATE] {
        if let Some(Ok(value)) = lines.next().map(HeaderValue::from_bytes) {
            headers.insert(name, value);
        }
    }
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    let asked = retry::retry_after(&headers, now);
    assert!(asked.is_none() || headers.contains_key(RETRY_AFTER));
    wait(asked);
}

fn wait(asked: Option<Duration>) {
    let policy = RetryPolicy::default();
    let remaining = Duration::from_secs(20);
    for back_off in [BackOff::Normal, BackOff::Throttled] {
        match retry::wait(&policy, back_off, 1, asked, remaining, 0.5) {
            Ok(wait) => assert!(wait <= remaining && Some(wait) >= asked),
            Err(too_long) => assert!(Some(too_long.wait) == asked && asked > Some(remaining)),
        }
    }
}
