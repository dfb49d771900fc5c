//! Durations as the user types them.

use std::time::Duration;

use jiff::SignedDuration;

const DAY: Duration = Duration::from_secs(86_400);

/// Parses a positive duration: `60s`, `5m`, or a number of seconds.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let seconds = text.parse().map(SignedDuration::from_secs).ok();
    let time = seconds.or_else(|| text.parse().ok())?;
    Duration::try_from(time).ok().filter(|time| !time.is_zero())
}

/// Parses a duration from a second to a day.
pub(crate) fn second_to_day(text: &str) -> Result<Duration, String> {
    parse(text)
        .filter(|time| (Duration::from_secs(1)..=DAY).contains(time))
        .ok_or_else(|| "write it like 60s or 5m, from 1s to 24h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_from_a_second_to_a_day() {
        assert_eq!(second_to_day("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(second_to_day("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(second_to_day("2"), Ok(Duration::from_secs(2)));
        for text in ["", "0", "500ms", "-1s", "25h", "soon"] {
            assert!(second_to_day(text).is_err(), "{text}");
        }
    }
}
