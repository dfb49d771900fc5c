//! Durations as the user types them.

use std::time::Duration;

use jiff::SignedDuration;

const DAY: Duration = Duration::from_secs(86_400);

/// Parses a positive duration: `60s`, `5m`, or a number of seconds.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    // The parser would accept white space at the end.
    if text.trim() != text {
        return None;
    }
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_duration_is_from_a_second_to_a_day() {
        assert_eq!(second_to_day("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(second_to_day("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(second_to_day("2"), Ok(Duration::from_secs(2)));
        for text in [
            "", "0", "500ms", "-1s", "25h", "soon", "60s ", " 60", "60\n", "5m x", "1h 5",
        ] {
            assert!(second_to_day(text).is_err(), "{text}");
        }
    }
    proptest! {
        #[test]
        fn no_part_of_a_duration_is_ignored(
            text in "[1-9][0-9]{0,2}(\\.[0-9]{1,9})?(h|m|s|ms| seconds)?", tail in "[0-9 .;,xq#_-]{1,3}",
        ) {
            if let Some(wanted) = parse(&text) {
                let longer = format!("{text}{tail}");
                prop_assert_ne!(parse(&longer), Some(wanted), "{} and {}", text, longer);
            }
        }
    }
}
