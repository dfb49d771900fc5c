//! Times on the wire.
//!
//! They are written as RFC 3339 in UTC, without a fraction or with six digits of it. Some readers, such as
//! Python before 3.11, accept only three or six digits. The times of answers are read leniently.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Time as TimeOfDay;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

/// A time in an answer. It never fails the answer: a time that cannot be read is [`Time::Unreadable`].
///
/// A time without an offset is in UTC, and a date without a time is its midnight. `null` and an empty text
/// are [`Time::Absent`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Time {
    /// The answer has no time.
    #[default]
    Absent,
    /// A time.
    At(Timestamp),
    /// A time out of the range of a [`Timestamp`], with the nearest one that is in it. The largest is
    /// `9999-12-30T22:00:00.999999999Z`.
    Clamped(Timestamp),
    /// A member that is not a time.
    Unreadable,
}

impl Time {
    /// Returns the time, if it is known. A time out of range is the nearest one in it.
    #[must_use]
    pub fn known(self) -> Option<Timestamp> {
        match self {
            Self::At(at) | Self::Clamped(at) => Some(at),
            Self::Absent | Self::Unreadable => None,
        }
    }

    /// Returns true if the answer has a time that [`Self::known`] does not return as it is.
    #[must_use]
    pub fn is_altered(self) -> bool {
        matches!(self, Self::Clamped(_) | Self::Unreadable)
    }

    /// Returns true if the answer has no time.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        *self == Self::Absent
    }

    fn parse(text: &str) -> Self {
        if text.is_empty() {
            return Self::Absent;
        }
        let Ok(pieces) = Pieces::parse(text) else {
            return Self::Unreadable;
        };
        let offset = pieces.to_numeric_offset().unwrap_or(Offset::UTC);
        let time = pieces.time().unwrap_or(TimeOfDay::midnight());
        let time = pieces.date().to_datetime(time);
        match offset.to_timestamp(time) {
            Ok(at) => Self::At(at),
            Err(_) if time.year() > 0 => Self::Clamped(Timestamp::MAX),
            Err(_) => Self::Clamped(Timestamp::MIN),
        }
    }
}

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self::At(at)
    }
}

impl From<Option<Timestamp>> for Time {
    fn from(at: Option<Timestamp>) -> Self {
        at.map_or(Self::Absent, Self::At)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(&self.known(), serializer)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadTime)
    }
}

/// Reads a time from any JSON value.
struct ReadTime;

impl<'de> Visitor<'de> for ReadTime {
    type Value = Time;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time")
    }

    fn visit_str<E>(self, text: &str) -> Result<Time, E> {
        Ok(Time::parse(text))
    }

    fn visit_unit<E>(self) -> Result<Time, E> {
        Ok(Time::Absent)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Time, E> {
        Ok(Time::Unreadable)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Time, E> {
        Ok(Time::Unreadable)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Time, E> {
        Ok(Time::Unreadable)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Time, E> {
        Ok(Time::Unreadable)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Time, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Time::Unreadable)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Time, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Time::Unreadable)
    }
}

pub(crate) fn write<S: Serializer>(
    time: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(format).serialize(serializer)
}

pub(crate) fn format(time: Timestamp) -> String {
    digits(time).unwrap_or_else(|| match time.subsec_nanosecond() {
        0 => time.to_string(),
        _ => format!("{time:.6}"),
    })
}

/// Returns the text of a time in the years 0 to 9999. A vault does this for every time of a list, so it does not use the general
/// formatter.
fn digits(time: Timestamp) -> Option<String> {
    let at = Offset::UTC.to_datetime(time);
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    put(&mut text[..4], at.year())?;
    put(&mut text[5..7], at.month())?;
    put(&mut text[8..10], at.day())?;
    put(&mut text[11..13], at.hour())?;
    put(&mut text[14..16], at.minute())?;
    put(&mut text[17..19], at.second())?;
    if at.subsec_nanosecond() == 0 {
        text[19] = b'Z';
        return String::from_utf8(text[..20].to_vec()).ok();
    }
    put(&mut text[20..26], at.subsec_nanosecond() / 1000)?;
    String::from_utf8(text.to_vec()).ok()
}

/// Replaces zeros by the decimal digits of a number; returns `None` if it is negative.
fn put(zeros: &mut [u8], number: impl Into<i32>) -> Option<()> {
    let mut number = u32::try_from(number.into()).ok()?;
    for digit in zeros.iter_mut().rev() {
        *digit += u8::try_from(number % 10).ok()?;
        number /= 10;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_fraction_has_six_digits_or_is_not_there() {
        for (time, expected) in [
            ("2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z"),
            ("2026-11-23T12:00:00.5Z", "2026-11-23T12:00:00.500000Z"),
            (
                "2026-11-23T12:00:00.123456789Z",
                "2026-11-23T12:00:00.123456Z",
            ),
        ] {
            assert_eq!(format(time.parse().unwrap()), expected);
        }
    }

    fn read(json: &str) -> Time {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_time_is_read_as_the_published_client_reads_it() {
        for (json, expected) in [
            (r#""2026-11-23T12:00:00Z""#, "2026-11-23T12:00:00Z"),
            (r#""2026-11-23T12:00:00+01:00""#, "2026-11-23T11:00:00Z"),
            (r#""2026-11-23T12:00:00.5+0100""#, "2026-11-23T11:00:00.5Z"),
            (r#""2026-11-23T12:00:00+01""#, "2026-11-23T11:00:00Z"),
            (r#""2026-11-23T12:00:00""#, "2026-11-23T12:00:00Z"),
            (r#""2026-11-23 12:00:00""#, "2026-11-23T12:00:00Z"),
            (r#""2026-11-23T12:00Z""#, "2026-11-23T12:00:00Z"),
            (r#""2026-11-23T12:00:00,5Z""#, "2026-11-23T12:00:00.5Z"),
            (r#""20261123T120000Z""#, "2026-11-23T12:00:00Z"),
            (r#""2026-11-23""#, "2026-11-23T00:00:00Z"),
            (r#""2026\u002d11-23""#, "2026-11-23T00:00:00Z"),
        ] {
            assert_eq!(read(json), Time::At(expected.parse().unwrap()), "{json}");
        }
        assert_eq!(read("null"), Time::Absent);
        assert_eq!(read(r#""""#), Time::Absent);
    }

    #[test]
    fn a_time_out_of_range_is_the_nearest_in_it() {
        for (json, nearest) in [
            (r#""9999-12-31T23:59:59Z""#, Timestamp::MAX),
            (r#""9999-12-31T23:59:59-12:00""#, Timestamp::MAX),
            (r#""9999-12-31""#, Timestamp::MAX),
            (r#""-009999-01-01T00:00:00Z""#, Timestamp::MIN),
        ] {
            assert_eq!(read(json), Time::Clamped(nearest), "{json}");
            assert_eq!(read(json).known(), Some(nearest));
            assert!(read(json).is_altered());
        }
    }

    #[test]
    fn a_member_that_is_not_a_time_is_unreadable_and_no_error() {
        for json in [
            r#""soon""#,
            r#""2026-13-01T00:00:00Z""#,
            r#""2026-11-23T25:00:00Z""#,
            r#"" 2026-11-23""#,
            "5",
            "-5",
            "1.5",
            "1e300",
            "true",
            "[1,[2],{}]",
            r#"{"a":{"b":[]}}"#,
        ] {
            assert_eq!(read(json), Time::Unreadable, "{json}");
            assert_eq!(read(json).known(), None);
            assert!(read(json).is_altered() && !read(json).is_absent());
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(read(&deep), Time::Unreadable);
    }

    #[test]
    fn a_time_is_written_as_the_time_library_writes_it() {
        for time in [
            Timestamp::MIN,
            Timestamp::MAX,
            Timestamp::UNIX_EPOCH,
            "-000001-12-31T23:59:59.5Z".parse().unwrap(),
            "0000-01-01T00:00:00.000001Z".parse().unwrap(),
            "1969-12-31T23:59:59.999999Z".parse().unwrap(),
            "2024-02-29T23:59:59.9999999Z".parse().unwrap(),
        ] {
            assert_eq!(format(time), as_written(time));
        }
    }

    /// The text of the time library.
    fn as_written(time: Timestamp) -> String {
        match time.subsec_nanosecond() {
            0 => time.to_string(),
            _ => format!("{time:.6}"),
        }
    }

    proptest! {
        #[test]
        fn every_time_is_written_as_the_time_library_writes_it(
            seconds in -62_167_219_200_i64..253_402_207_200, nanos in 0..1_000_000_000,
        ) {
            let time = Timestamp::new(seconds, nanos).unwrap();
            prop_assert_eq!(format(time), as_written(time));
        }

        #[test]
        fn every_text_is_some_time(text: String) {
            let _ = Time::parse(&text);
        }

        #[test]
        fn a_time_in_microseconds_comes_back(micros in 0_i64..4_000_000_000_000_000) {
            let time = Timestamp::from_microsecond(micros).unwrap();
            prop_assert_eq!(format(time).parse::<Timestamp>().unwrap(), time);
        }
    }
}
