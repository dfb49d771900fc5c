//! The settings that do not depend on others.

use std::time::Duration;

use jiff::SignedDuration;

use crate::log;
use crate::serve::reader::{Reader, parsed};
use crate::settings::Settings;
use crate::{InvalidRate, Rate, RateLimits};

const TIME: &str = "write it like 15s or 1m, up to 1h";
const POSITIVE_TIME: &str = "write it like 30s or 1m, from 1s to 1h";
const FORMAT: &str = "write text or json";
const COUNT: &str = "write a number from 1 to 1000000";

const MAX_TIME: Duration = Duration::from_secs(3600);

/// The settings that do not depend on others.
#[derive(Clone, Debug)]
pub(in crate::serve) struct Tuning {
    pub(in crate::serve) drain_delay: Duration,
    pub(in crate::serve) has_access_log: bool,
    pub(in crate::serve) log_format: log::Format,
    pub(in crate::serve) connections: usize,
    pub(in crate::serve) client_timeout: Option<Duration>,
    pub(in crate::serve) accept_writes_without_epoch: bool,
    pub(in crate::serve) audit_reads: bool,
    pub(in crate::serve) limits: RateLimits,
}

impl Tuning {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            drain_delay: reader.one("drain-delay", TIME, time).unwrap_or_default(),
            has_access_log: reader.switch("access-log"),
            log_format: reader.one("log-format", FORMAT, parsed).unwrap_or_default(),
            connections: reader
                .one("max-connections", COUNT, count)
                .unwrap_or(Settings::default().bounds.max_connections),
            client_timeout: reader.one("client-timeout", POSITIVE_TIME, positive_time),
            accept_writes_without_epoch: reader.switch("accept-writes-without-epoch"),
            audit_reads: reader.switch("audit-reads"),
            limits: limits(reader),
        }
    }
}

/// Parses a duration of up to an hour: `15s`, `1m`, or a number of seconds.
fn time(text: &str) -> Option<Duration> {
    if text.trim() != text {
        return None;
    }
    let seconds = text.parse().ok().map(SignedDuration::from_secs);
    let time = seconds.or_else(|| text.parse().ok())?;
    let time = Duration::try_from(time).ok()?;
    (time <= MAX_TIME).then_some(time)
}

fn positive_time(text: &str) -> Option<Duration> {
    time(text).filter(|time| *time >= Duration::from_secs(1))
}

fn count(text: &str) -> Option<usize> {
    let count = text.parse().ok()?;
    (1..=1_000_000).contains(&count).then_some(count)
}

fn limits(reader: &mut Reader) -> RateLimits {
    let default = RateLimits::default();
    let mut limit = |name, default| {
        let remedy = format!("{InvalidRate}, or off");
        let parse = |text: &str| Rate::parse_limit(text).ok();
        reader.one(name, &remedy, parse).unwrap_or(default)
    };
    RateLimits {
        requests: limit("limit-requests", default.requests),
        logins: limit("limit-logins", default.logins),
        failed_logins: limit("limit-failed-logins", default.failed_logins),
    }
}
