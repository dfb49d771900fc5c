//! The expiry of secrets: its arguments, and times in words.

use clap::Args;
use helvetisafe::{Expiry, Timestamp};
use jiff::civil::{Date, DateTime};
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::{Disambiguation, OffsetConflict, TimeZone};

use super::duration;
use crate::failure::Failure;

/// The expiry of a secret.
#[derive(Args)]
#[group(multiple = false)]
pub(crate) struct ExpiryArgs {
    /// Let it expire after this time, such as 30d, 12h or 1y.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    expires_in: Option<String>,
    /// Let it expire at this time: 2030-01-31T12:00:00Z, 2030-01-31T12:00[Europe/Zurich], or 2030-01-31, which
    /// is midnight in UTC.
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// Remove its expiry.
    #[arg(long)]
    never_expires: bool,
}

impl ExpiryArgs {
    /// Returns the new expiry; without any option the old one stays.
    pub(crate) fn expiry(&self) -> Result<Expiry, Failure> {
        if self.never_expires {
            return Ok(Expiry::Never);
        }
        if let Some(text) = &self.expires_in {
            return after(Timestamp::now(), text).map(Expiry::At);
        }
        match &self.expires_at {
            Some(text) => at(text).map(Expiry::At),
            None => Ok(Expiry::Keep),
        }
    }
}

/// Returns the time after a span such as `7d`; months and years are those of the calendar in UTC.
pub(crate) fn after(now: Timestamp, text: &str) -> Result<Timestamp, Failure> {
    let refused = |why: String| Err(Failure::usage(format_args!("`{text}` {why}")));
    let Some(span) = duration::span(text) else {
        return refused(match duration::is_too_long(text) {
            true => TOO_LONG.to_owned(),
            false => format!(
                "is not a time span; {}",
                duration::advice(text, "30d, 12h or 1y")
            ),
        });
    };
    if !span.is_positive() {
        return refused("is no time in the future; give a longer span, such as 12h".to_owned());
    }
    match now.to_zoned_datetime(TimeZone::UTC).checked_add(span) {
        Ok(then) => Ok(then.timestamp()),
        Err(_) => refused(TOO_LONG.to_owned()),
    }
}

const TOO_LONG: &str =
    "ends after the year 9999, the last one that can be stored; give a shorter span";

fn at(text: &str) -> Result<Timestamp, Failure> {
    let time = time(text).map_err(|why| Failure::usage(format_args!("`{text}` {why}")))?;
    let now = Timestamp::now();
    if time <= now {
        return Err(Failure::usage(format_args!(
            "`{text}` has passed: the clock of this machine shows {now:.0}; give a time in the future, or set the \
             clock"
        )));
    }
    Ok(time)
}

/// Returns the start of a period that ends now: a time span before, such as `7d`, or a time.
pub(crate) fn since(text: &str) -> Result<Timestamp, Failure> {
    let now = Timestamp::now().to_zoned_datetime(TimeZone::UTC);
    let span = duration::span(text).filter(|span| span.is_positive());
    if let Some(then) = span.and_then(|span| now.checked_sub(span).ok()) {
        return Ok(then.timestamp());
    }
    time(text).map_err(|why| match why {
        NOT_A_TIME => {
            let advice = duration::advice(text, "7d, 2030-01-31 or 2030-01-31T12:00:00Z");
            Failure::usage(format_args!("`{text}` is not a time; {advice}"))
        }
        why => Failure::usage(format_args!("`{text}` {why}")),
    })
}

/// Parses a time with its offset or its zone, or a date, which is midnight in UTC. No part of the text is
/// ignored; the parsers of `jiff` would ignore some.
fn time(text: &str) -> Result<Timestamp, &'static str> {
    if is_leap_second(text) {
        return Err("has the second 60, which cannot be stored; give another one");
    }
    if text.contains("u-ca=") {
        return Err("names a calendar; leave it out");
    }
    let time = if text.contains('[') {
        zoned(text)?
    } else if let Ok(time) = text.parse() {
        time
    } else {
        midnight(text)?
    };
    if time.subsec_nanosecond() % 1000 != 0 {
        return Err("is more exact than a microsecond, which cannot be stored; shorten it");
    }
    Ok(time)
}

/// Parses a time with a zone in brackets; an offset before it must be that of the zone.
fn zoned(text: &str) -> Result<Timestamp, &'static str> {
    const PARSER: DateTimeParser = DateTimeParser::new().disambiguation(Disambiguation::Reject);
    const BY_OFFSET: DateTimeParser = PARSER.offset_conflict(OffsetConflict::AlwaysOffset);
    let parsed = PARSER.parse_zoned_datetime(text);
    parsed.map(|zoned| zoned.timestamp()).map_err(|_| {
        match BY_OFFSET.parse_zoned_datetime(text) {
            Ok(_) => "has an offset that its zone does not have at that time; leave one of the two out",
            Err(_) => {
                "is not a time in a known zone, or the zone has it twice or not at all; give an offset, such \
                 as +01:00, in place of the zone"
            }
        }
    })
}

/// Parses a date. `Date` itself would ignore a time after it.
fn midnight(text: &str) -> Result<Timestamp, &'static str> {
    let date = text.parse::<Date>().ok();
    if let Some(date) = date.filter(|date| date.to_string() == text) {
        let midnight = DateTime::from(date).to_zoned_datetime(TimeZone::UTC);
        return midnight
            .map(|midnight| midnight.timestamp())
            .map_err(|_| NOT_A_TIME);
    }
    Err(match text.parse::<DateTime>() {
        Ok(_) if text.contains(['T', 't', ' ']) => {
            "has no time zone; add Z for UTC, or an offset such as +01:00"
        }
        _ => NOT_A_TIME,
    })
}

const NOT_A_TIME: &str = "is not a time; write it like 2030-01-31T12:00:00Z or 2030-01-31";

/// Returns true if the time of day has the second 60.
fn is_leap_second(text: &str) -> bool {
    let time = text
        .split_once(['T', 't', ' '])
        .map_or("", |(_, time)| time);
    let time = time.chars().take_while(|c| c.is_ascii_digit() || *c == ':');
    let mut seconds = time.filter(char::is_ascii_digit).skip(4);
    (seconds.next(), seconds.next()) == (Some('6'), Some('0'))
}

/// Describes an expiry: `in 3 days`.
pub(crate) fn in_words(expires_at: Option<Timestamp>, now: Timestamp) -> String {
    let Some(expires_at) = expires_at else {
        return "never".to_owned();
    };
    let seconds = expires_at.duration_since(now).as_secs();
    if seconds <= 0 {
        return "expired".to_owned();
    }
    format!("in {}", time_in_words(seconds))
}

/// Returns the end of a message about a write: `; it expires in 3 days`, or nothing for a secret that never expires.
pub(crate) fn suffix(expires_at: Option<Timestamp>) -> String {
    match expires_at {
        Some(_) => format!("; it expires {}", in_words(expires_at, Timestamp::now())),
        None => String::new(),
    }
}

/// Describes a time span in its largest unit: `3 days`.
pub(crate) fn time_in_words(seconds: i64) -> String {
    let rounded = |unit: i64| (seconds + unit / 2) / unit;
    let (count, unit) = match (rounded(60), rounded(3600)) {
        _ if seconds < 60 => (seconds, "second"),
        (minutes @ ..60, _) => (minutes, "minute"),
        (_, hours @ ..24) => (hours, "hour"),
        _ => (rounded(86_400), "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_period_begins_before_now() {
        let week = since("7d").unwrap().duration_until(Timestamp::now());
        assert_eq!((week.as_secs() + 10) / 86_400, 7);
        for (text, then) in [
            ("2026-01-31", "2026-01-31T00:00:00Z"),
            ("2026-01-31T12:00:00+01:00", "2026-01-31T11:00:00Z"),
        ] {
            assert_eq!(since(text).unwrap(), time(then), "{text}");
        }
        for text in ["", "7", "-7d", "yesterday", "2026-01-31T12:00:00", "99999y"] {
            assert!(since(text).is_err(), "{text}");
        }
    }

    #[test]
    fn spans_follow_the_calendar() {
        let now = time("2027-01-31T12:00:00Z");
        for (text, then) in [
            ("30d", "2027-03-02T12:00:00Z"),
            ("12h", "2027-02-01T00:00:00Z"),
            ("1mo", "2027-02-28T12:00:00Z"),
            ("1y", "2028-01-31T12:00:00Z"),
            ("2 weeks", "2027-02-14T12:00:00Z"),
        ] {
            assert_eq!(after(now, text).unwrap(), time(then), "{text}");
        }
        for (text, why) in [
            ("", "is not a time span"),
            ("30", "it has no unit"),
            ("soon", "is not a time span"),
            ("1d ", "is not a time span"),
            ("-1d", "is no time in the future"),
            ("0d", "is no time in the future"),
            ("0s", "is no time in the future"),
            ("9000y", "ends after the year 9999"),
            ("9999999y", "ends after the year 9999"),
            ("99999999999999999999h 5m", "ends after the year 9999"),
        ] {
            let failure = after(now, text).unwrap_err();
            let message = failure.message().unwrap();
            assert!(message.contains(why), "{text}: {message}");
        }
    }

    #[test]
    fn a_date_is_midnight_in_utc() {
        assert_eq!(at("2999-01-31").unwrap(), time("2999-01-31T00:00:00Z"));
        assert_eq!(
            at("2999-01-31T01:00:00+01:00").unwrap(),
            time("2999-01-31T00:00:00Z")
        );
        for text in ["2001-01-01", "2999-13-01", "tomorrow"] {
            assert!(at(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_zone_is_honoured_and_a_local_time_refused() {
        for (text, wanted) in [
            ("2030-01-31T12:00:00Z", "2030-01-31T12:00:00Z"),
            ("2030-01-31 12:00Z", "2030-01-31T12:00:00Z"),
            ("2030-01-31T12:00:00.5+01:00", "2030-01-31T11:00:00.5Z"),
            ("2030-01-31T12:00:00[Europe/Zurich]", "2030-01-31T11:00:00Z"),
            ("2030-07-31 12:00[Europe/Zurich]", "2030-07-31T10:00:00Z"),
            (
                "2030-01-31T12:00:00+01:00[Europe/Zurich]",
                "2030-01-31T11:00:00Z",
            ),
            (
                "2030-01-31T11:00:00Z[Europe/Zurich]",
                "2030-01-31T11:00:00Z",
            ),
            ("2030-01-31[Europe/Zurich]", "2030-01-30T23:00:00Z"),
            ("2030-01-31T12:00[-03:30]", "2030-01-31T15:30:00Z"),
            ("2030-01-31", "2030-01-31T00:00:00Z"),
        ] {
            assert_eq!(super::time(text), Ok(time(wanted)), "{text}");
        }
        for (text, why) in [
            ("2030-01-31T12:00:00", "has no time zone"),
            ("2030-01-31 12:00", "has no time zone"),
            ("20300131T1200", "has no time zone"),
            (
                "2030-01-31T12:00:00+05:00[Europe/Zurich]",
                "has an offset that its zone does not have",
            ),
            (
                "2030-03-31T02:30+01:00[Europe/Zurich]",
                "has an offset that its zone does not have",
            ),
            (
                "2030-01-31T12:00:00[Europe/Nowhere]",
                "is not a time in a known zone",
            ),
            (
                "2030-03-31T02:30[Europe/Zurich]",
                "is not a time in a known zone",
            ),
            (
                "2030-10-27T02:30[Europe/Zurich]",
                "is not a time in a known zone",
            ),
            ("2030-01-31T12:00:00Z[u-ca=hebrew]", "names a calendar"),
            ("2030-06-30T23:59:60Z", "has the second 60"),
            ("20300630T235960Z", "has the second 60"),
            ("2030-01-31T12:00:00.1234567Z", "is more exact"),
            ("2030-01-31Z", NOT_A_TIME),
            ("2030-01-31T12:00:00Z ", NOT_A_TIME),
            ("2030-01-31 soon", NOT_A_TIME),
            ("20300131", NOT_A_TIME),
        ] {
            let refused = super::time(text).unwrap_err();
            assert!(refused.starts_with(why), "{text}: {refused}");
        }
    }

    /// Returns a text with the digit at `at` changed, counted among its digits.
    fn with_other_digit(text: &str, at: usize, by: u8) -> Option<String> {
        let digits: Vec<_> = text.match_indices(|c: char| c.is_ascii_digit()).collect();
        let (start, digit) = digits.get(at % digits.len().max(1))?;
        let other = (digit.as_bytes()[0] - b'0' + by) % 10;
        Some(format!("{}{other}{}", &text[..*start], &text[start + 1..]))
    }

    fn times() -> impl Strategy<Value = String> {
        let zone = prop_oneof![
            Just(""),
            Just("Z"),
            Just("+01:00"),
            Just("-0330"),
            Just("[Europe/Zurich]"),
            Just("+01:00[Europe/Zurich]"),
            Just("[+02:00]"),
            Just("[UTC]"),
            Just("Z[UTC]"),
        ];
        let time = prop_oneof![
            Just(""),
            Just("T12"),
            Just(" 12:34"),
            Just("T12:34:56"),
            Just("t12:34:56.75")
        ];
        (2027..2099, 1..=12, 1..=28, time, zone).prop_map(|(year, month, day, time, zone)| {
            format!("{year}-{month:02}-{day:02}{time}{zone}")
        })
    }

    proptest! {
        #[test]
        fn no_part_of_a_time_is_ignored(
            text in times(), at in 0_usize..40, by in 1_u8..10, tail in "[0-9a-zA-Z:+. -]{1,3}",
        ) {
            let Ok(wanted) = super::time(&text) else {
                return Ok(());
            };
            let other = with_other_digit(&text, at, by).unwrap();
            prop_assert_ne!(super::time(&other), Ok(wanted), "{} and {}", text, other);
            let longer = format!("{text}{tail}");
            prop_assert_ne!(super::time(&longer), Ok(wanted), "{} and {}", text, longer);
        }

        #[test]
        fn no_part_of_a_span_is_ignored(
            text in "[1-9][0-9]?(y|mo|w|d|h|m|s|ms)( ?[1-9](h|m|s))?", at in 0_usize..4, by in 1_u8..10,
            tail in "[0-9 .;,xq#_-]{1,3}",
        ) {
            let now = time("2027-01-15T12:00:00Z");
            if let Ok(wanted) = after(now, &text) {
                let other = with_other_digit(&text, at, by).unwrap();
                prop_assert_ne!(after(now, &other).ok(), Some(wanted), "{} and {}", text, other);
                let longer = format!("{text}{tail}");
                prop_assert_ne!(after(now, &longer).ok(), Some(wanted), "{} and {}", text, longer);
            }
        }
    }

    #[test]
    fn words_name_the_largest_unit() {
        let now = time("2027-01-01T00:00:00Z");
        for (expires_at, words) in [
            (None, "never"),
            (Some("2026-12-31T00:00:00Z"), "expired"),
            (Some("2027-01-01T00:00:01Z"), "in 1 second"),
            (Some("2027-01-01T00:59:00Z"), "in 59 minutes"),
            (Some("2027-01-01T00:59:59Z"), "in 1 hour"),
            (Some("2027-01-01T23:10:00Z"), "in 23 hours"),
            (Some("2027-01-30T23:59:59Z"), "in 30 days"),
        ] {
            assert_eq!(in_words(expires_at.map(time), now), words);
        }
    }
}
