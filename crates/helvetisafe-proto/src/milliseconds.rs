//! Durations of settings as whole milliseconds, for `#[serde(with = "…")]`.
//!
//! A part of a millisecond counts as one, so that only zero is written as zero. The most is `i64::MAX`, the largest
//! integer of TOML.
//!
//! ```
//! use std::time::Duration;
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Settings {
//!     #[serde(rename = "poll_ms", with = "helvetisafe_proto::milliseconds")]
//!     poll: Duration,
//! }
//!
//! let settings: Settings = serde_json::from_str(r#"{"poll_ms": 1500}"#)?;
//! assert_eq!(settings.poll, Duration::from_millis(1500));
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// Writes a duration.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let milliseconds = time.as_nanos().div_ceil(1_000_000);
    let milliseconds = i64::try_from(milliseconds).unwrap_or(i64::MAX);
    serializer.serialize_u64(milliseconds.unsigned_abs())
}

/// Reads a duration.
///
/// # Errors
///
/// Those of the deserializer: anything but an integer from 0 is refused.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}
