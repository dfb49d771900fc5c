//! Times as they are typed, for waits and lives.

use std::time::Duration;

use jiff::SignedDuration;

/// What is older than a day is no answer, and nobody waits longer.
const DAY: Duration = Duration::from_secs(86_400);

/// From a second to a day: `60s`, `5m`, or a number of seconds.
pub(crate) fn second_to_day(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map(SignedDuration::from_secs).ok();
    let time = seconds.or_else(|| text.parse().ok());
    time.and_then(|time: SignedDuration| Duration::try_from(time).ok())
        .filter(|time| (Duration::from_secs(1)..=DAY).contains(time))
        .ok_or_else(|| "write it like 60s or 5m, from 1s to 24h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_from_a_second_to_a_day() {
        assert_eq!(second_to_day("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(second_to_day("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(second_to_day("2"), Ok(Duration::from_secs(2)));
        for text in ["", "0", "500ms", "-1s", "25h", "soon"] {
            assert!(second_to_day(text).is_err(), "{text}");
        }
    }
}
