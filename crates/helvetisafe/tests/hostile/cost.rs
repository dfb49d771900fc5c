//! The processor time of a call.

use std::time::{Duration, Instant};

/// The processor time of this thread, which does not depend on the load of the machine. Without `/proc`,
/// the time since `begin`.
fn spent(begin: Instant) -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    match text
        .split(' ')
        .next()
        .and_then(|nanoseconds| nanoseconds.parse().ok())
    {
        Some(nanoseconds) => Duration::from_nanos(nanoseconds),
        None => begin.elapsed(),
    }
}

/// The result of `work`, and its processor time.
pub(crate) fn cost<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begin = Instant::now();
    let before = spent(begin);
    let done = work();
    (done, spent(begin).saturating_sub(before))
}
