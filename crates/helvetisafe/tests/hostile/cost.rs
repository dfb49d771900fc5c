//! What a call costs.

use std::time::{Duration, Instant};

/// The processor time that this thread has had, which a busy machine does not stretch; where the
/// system does not tell, the time that has passed since `begin`.
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

/// What comes of a work, and the time that it took of the processor.
pub(crate) fn cost<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begin = Instant::now();
    let before = spent(begin);
    let done = work();
    (done, spent(begin).saturating_sub(before))
}
