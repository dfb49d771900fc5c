//! Durations as the user types them.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

const DAY: Duration = Duration::from_secs(86_400);

/// Parses a positive duration with its unit, such as `60s` or `5m`; a day has 24 hours.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let time = span(text)?
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .ok()?;
    Duration::try_from(time).ok().filter(|time| !time.is_zero())
}

/// Parses a span. The parser would accept white space at the end.
pub(super) fn span(text: &str) -> Option<Span> {
    let text = Some(text).filter(|text| text.trim() == *text);
    text?.parse().ok()
}

/// Returns true if a text would be a span with smaller numbers.
pub(super) fn is_too_long(text: &str) -> bool {
    span(text).is_none() && span(&with_short_numbers(text)).is_some()
}

/// Replaces each number by 1.
fn with_short_numbers(text: &str) -> String {
    let mut in_number = false;
    let kept = |c: char| {
        let is_later_digit = in_number && c.is_ascii_digit();
        in_number = c.is_ascii_digit();
        let kept = if in_number { '1' } else { c };
        (!is_later_digit).then_some(kept)
    };
    text.chars().filter_map(kept).collect()
}

/// Returns the reason for which a text is no time, if that is known, and the advice. `like` has examples.
pub(crate) fn advice(text: &str, like: &str) -> String {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let reason = match span(text) {
        _ if is_number => "it has no unit; ",
        Some(span) if span.is_zero() => "it is zero; ",
        Some(span) if span.is_negative() => "it is negative; ",
        None if is_too_long(text) => "it is too long; ",
        _ => "",
    };
    format!("{reason}write it like {like}")
}

/// Parses a duration from a second to a day.
pub(crate) fn second_to_day(text: &str) -> Result<Duration, String> {
    parse(text)
        .filter(|time| (Duration::from_secs(1)..=DAY).contains(time))
        .ok_or_else(|| advice(text, "60s or 5m, from 1s to 24h"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_duration_is_from_a_second_to_a_day() {
        assert_eq!(second_to_day("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(second_to_day("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(second_to_day("1d"), Ok(Duration::from_secs(86_400)));
        for text in [
            "", "0", "2", "1mo", "2d", "500ms", "-1s", "25h", "soon", "60s ", " 60", "60\n",
            "5m x", "1h 5",
        ] {
            assert!(second_to_day(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_reason_is_explained() {
        let error = second_to_day("60").unwrap_err();
        assert!(
            error.starts_with("it has no unit; write it like 60s"),
            "{error}"
        );
        assert!(second_to_day("soon").unwrap_err().starts_with("write it"));
        for (text, reason) in [
            ("0s", "it is zero; "),
            ("0d", "it is zero; "),
            ("-1h", "it is negative; "),
            ("99999999y", "it is too long; "),
            ("25h", "write it"),
        ] {
            let error = second_to_day(text).unwrap_err();
            assert!(error.starts_with(reason), "{text}: {error}");
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
