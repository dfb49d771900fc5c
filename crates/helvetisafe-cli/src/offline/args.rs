//! `--offline`, `--prefer-offline` and `--max-age`.

use helvetisafe::Timestamp;
use jiff::SignedDuration;

use crate::expiry;

/// Whether to use what is kept, and how old it may be. Without any of these no answer is kept.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Offline")]
pub(crate) struct OfflineArgs {
    /// Use only what an earlier run with one of these three options kept on disk, as ciphertext,
    /// and no network at all.
    #[arg(long, conflicts_with = "prefer_offline")]
    offline: bool,
    /// Use what is kept, and ask the vault only for the rest.
    #[arg(long)]
    prefer_offline: bool,
    /// Use nothing that was kept longer ago than this, such as 90s, 12h or 7d. Without the other
    /// two the vault is asked first, and what is kept serves while it does not answer.
    #[arg(long, value_name = "TIME", value_parser = max_age)]
    pub(super) max_age: Option<SignedDuration>,
}

impl OfflineArgs {
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
        .map_err(|_| "write it like 90s, 12h or 7d".to_owned())
}

/// When what is kept is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Only,
    First,
    /// Only while the vault does not answer.
    Fallback,
}
