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
    if expires_at <= now {
        return "expired".to_owned();
    }
    match expires_at.duration_since(now).as_secs() {
        0 => "in less than a second".to_owned(),
        seconds => format!("in {}", time_in_words(seconds)),
    }
}

/// Returns `it expires in 3 days`, or `it has expired`.
pub(crate) fn sentence(expires_at: Timestamp, now: Timestamp) -> String {
    match expires_at > now {
        true => format!("it expires {}", in_words(Some(expires_at), now)),
        false => "it has expired".to_owned(),
    }
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
mod tests;
