//! The options of the command for rate limits.

use clap::Args;
use helvetisafe_server::{InvalidRate, Rate, RateLimits};

/// Rates as `COUNT/SECONDS`, or `off`.
#[derive(Args)]
#[command(next_help_heading = "Limits (COUNT/SECONDS, or off)")]
pub(super) struct LimitOptions {
    /// Requests with a valid token, for each account; 500000/10 by default. A request over a limit is
    /// answered 429 with Retry-After.
    #[arg(long, value_name = "RATE", value_parser = parse)]
    limit_requests: Option<Limit>,
    /// Token requests with the right client secret, for each account; 2000/10 by default.
    #[arg(long, value_name = "RATE", value_parser = parse)]
    limit_logins: Option<Limit>,
    /// Failed token requests, for each client id; 20/20 by default.
    #[arg(long, value_name = "RATE", value_parser = parse)]
    limit_failed_logins: Option<Limit>,
}

/// The value of an option; `None` is `off`.
#[derive(Clone, Copy)]
struct Limit(Option<Rate>);

impl LimitOptions {
    /// Returns the limits, with defaults for options that are not given.
    pub(super) fn rates(&self) -> RateLimits {
        let default = RateLimits::default();
        let rate = |option: Option<Limit>, default| option.map_or(default, |Limit(rate)| rate);
        RateLimits {
            requests: rate(self.limit_requests, default.requests),
            logins: rate(self.limit_logins, default.logins),
            failed_logins: rate(self.limit_failed_logins, default.failed_logins),
        }
    }
}

fn parse(text: &str) -> Result<Limit, InvalidRate> {
    Rate::parse_limit(text).map(Limit)
}
