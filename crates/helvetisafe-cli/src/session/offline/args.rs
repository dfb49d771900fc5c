//! `--offline`, `--prefer-offline` and `--max-age`.

use std::time::Duration;

use helvetisafe::Timestamp;
use jiff::SignedDuration;

use crate::ui::duration::{self, second_to_day};
use crate::ui::expiry;

/// The use of the offline cache. Without any of these options nothing is cached.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Offline")]
pub(crate) struct OfflineArgs {
    /// Use only the cache, and no network at all. An earlier run with one of these three options has
    /// written it to disk, as ciphertext.
    #[arg(long, conflicts_with = "prefer_offline")]
    offline: bool,
    /// Use the cache, and ask the vault only for secrets that are not in it.
    #[arg(long)]
    prefer_offline: bool,
    /// Use only entries of the cache that are younger than this, such as 90s, 12h or 7d. Without the
    /// other two the vault is asked first, and the cache serves while the vault does not answer.
    #[arg(long, value_name = "TIME", value_parser = max_age)]
    pub(super) max_age: Option<SignedDuration>,
    /// The time to wait for a vault that does not answer, before the cache serves; at most half of --timeout.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "3s",
        value_parser = second_to_day,
        requires = "max_age",
        conflicts_with = "offline"
    )]
    offline_after: Duration,
}

impl OfflineArgs {
    /// Returns the time to wait for the vault where the cache can serve.
    pub(super) fn wait(&self) -> Duration {
        self.offline_after
    }

    pub(super) fn mode(&self) -> Option<Mode> {
        match (self.offline, self.prefer_offline, self.max_age) {
            (true, ..) => Some(Mode::Only),
            (_, true, _) => Some(Mode::First),
            (.., Some(_)) => Some(Mode::Fallback),
            _ => None,
        }
    }
}

fn max_age(text: &str) -> Result<SignedDuration, String> {
    let now = Timestamp::now();
    let then = expiry::after(now, text);
    then.map(|then| then.duration_since(now))
        .map_err(|_| duration::advice(text, "90s, 12h or 7d"))
}

/// The role of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Only,
    First,
    /// Used while the vault does not answer.
    Fallback,
}
