//! The limit of time that a request exceeded.

use std::time::Duration;

/// The limit of time that a request exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Late {
    /// `Timeouts::connect`.
    #[error("no connection within {} s", seconds(.0))]
    Connect(Duration),
    /// `Timeouts::silence`.
    #[error("nothing came for {} s", seconds(.0))]
    Silence(Duration),
    /// `Timeouts::attempt`.
    #[error("no complete answer within {} s", seconds(.0))]
    Attempt(Duration),
    /// The time of the operation that was left for this attempt.
    #[error("no complete answer in the time that was left")]
    Operation,
}

/// Returns seconds with at most three decimals.
fn seconds(time: &Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_shown_in_seconds() {
        let late = Late::Silence(Duration::from_secs(5));
        assert_eq!(late.to_string(), "nothing came for 5 s");
        let late = Late::Attempt(Duration::from_micros(1_500_400));
        assert_eq!(late.to_string(), "no complete answer within 1.5 s");
    }
}
