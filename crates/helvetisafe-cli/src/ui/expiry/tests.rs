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
    let soon = now + std::time::Duration::from_millis(500);
    assert_eq!(in_words(Some(soon), now), "in less than a second");
    assert_eq!(in_words(Some(now), now), "expired");
}
