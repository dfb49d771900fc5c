//! Times on the wire: RFC 3339 in UTC, written without a fraction or with six digits of it. Some readers,
//! such as Python before 3.11, accept only three or six digits.
//!
//! The module is a serde format for `#[serde(with = "time")]`.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) fn serialize<S: Serializer>(
    time: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(format).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    Option::deserialize(deserializer)
}

pub(crate) fn format(time: Timestamp) -> String {
    if time.subsec_nanosecond() == 0 {
        time.to_string()
    } else {
        format!("{time:.6}")
    }
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

    proptest! {
        #[test]
        fn a_time_in_microseconds_comes_back(micros in 0_i64..4_000_000_000_000_000) {
            let time = Timestamp::from_microsecond(micros).unwrap();
            prop_assert_eq!(format(time).parse::<Timestamp>().unwrap(), time);
        }
    }
}
