//! The expiry of secrets: its arguments, and times in words.

use clap::Args;
use helvetisafe::{Expiry, Timestamp};
use jiff::Span;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::failure::Failure;

/// The expiry of a secret.
#[derive(Args)]
#[group(multiple = false)]
pub(crate) struct ExpiryArgs {
    /// Let it expire after this time, such as 30d, 12h or 1y.
    #[arg(long, value_name = "TIME")]
    expires_in: Option<String>,
    /// Let it expire at this time: 2030-01-31T12:00:00Z, or 2030-01-31, which is UTC.
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
    let span: Option<Span> = text.parse().ok();
    span.filter(|span| span.is_positive())
        .and_then(|span| now.to_zoned_datetime(TimeZone::UTC).checked_add(span).ok())
        .map(|then| then.timestamp())
        .ok_or_else(|| {
            Failure::usage(format_args!(
                "`{text}` is not a time span; write it like 30d, 12h or 1y"
            ))
        })
}

fn at(text: &str) -> Result<Timestamp, Failure> {
    let in_utc = |time: DateTime| Some(time.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp());
    let date = || text.parse().ok().and_then(|date: Date| in_utc(date.into()));
    let time = text.parse().ok().or_else(date).ok_or_else(|| {
        Failure::usage(format_args!(
            "`{text}` is not a time; write it like 2030-01-31T12:00:00Z or 2030-01-31"
        ))
    })?;
    if time <= Timestamp::now() {
        return Err(Failure::usage(format_args!(
            "`{text}` has passed; give a time in the future"
        )));
    }
    Ok(time)
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
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
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
        for text in ["", "30", "-1d", "0s", "soon", "9999999y"] {
            assert!(after(now, text).is_err(), "{text}");
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
