//! `--watch`: compares the Secret with the vault at each interval.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use helvetisafe::ErrorKind;
use jiff::Timestamp;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::Sync;
use super::desired::Desired;
use crate::failure::Failure;
use crate::signals::not_ignored;
use crate::ui::held::hold_failures;
use crate::ui::lasting::Lasting;
use crate::ui::messages::Messages;

/// The interval of checks for a signal.
const TICK: Duration = Duration::from_millis(100);
/// The pause after a failure, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The names and the times of all secrets in the list of the vault.
type Listed = Vec<(String, Option<Timestamp>, Option<Timestamp>)>;

/// The values of the last round.
struct Seen {
    listed: Option<Listed>,
    desired: Option<Desired>,
}

/// Runs rounds until a lasting failure. A Deployment then starts the command again, and shows the failure.
pub(super) fn run(sync: &mut Sync<'_>, interval: Duration) -> Result<(), Failure> {
    end_on_signal()?;
    let messages = sync.ui.messages;
    let mut seen = None;
    let mut pause = FIRST_PAUSE;
    let mut is_first = true;
    let mut lasting = Lasting::default();
    loop {
        sync.vault.budget()?.restart();
        let (outcome, mut reasons) = hold_failures(|| round(sync, &mut seen, is_first));
        match outcome {
            Ok(()) => {
                (pause, is_first) = (FIRST_PAUSE, false);
                if let Some(after) = lasting.end() {
                    messages.note(format_args!("sync works again, after {after}"));
                }
                thread::sleep(interval);
            }
            Err(failure) if failure.may_pass() => {
                reasons.extend(failure.message().map(str::to_owned));
                if lasting.begin(&reasons.join("\n")) {
                    messages.failures(reasons);
                    note_retry(pause, messages);
                }
                thread::sleep(pause);
                pause = LONGEST_PAUSE.min(pause * 2);
            }
            Err(failure) => {
                messages.failures(reasons);
                return Err(failure);
            }
        }
    }
}

fn note_retry(pause: Duration, messages: Messages) {
    messages.note(format_args!(
        "trying again in {} s, and at least every {} s",
        pause.as_secs(),
        LONGEST_PAUSE.as_secs()
    ));
}

/// Reads the values if the list shows a change, and the Secret in any case: others may have changed it.
fn round(sync: &mut Sync<'_>, seen: &mut Option<Seen>, is_first: bool) -> Result<(), Failure> {
    // Before the values: a change in between is noticed in the next round.
    let listed = listed(sync)?;
    let is_known = |seen: &Seen| listed.is_some() && seen.listed == listed;
    if !seen.as_ref().is_some_and(is_known) {
        let desired = sync.read()?;
        *seen = Some(Seen { listed, desired });
    }
    let Some(desired) = seen.as_ref().and_then(|seen| seen.desired.as_ref()) else {
        return Ok(());
    };
    match sync.write(desired)? {
        Some(report) if is_first || !report.is_unchanged() => report.print(sync.ui),
        _ => Ok(()),
    }
}

/// Returns the list; `None` if the account may not list, or the vault lists no times.
fn listed(sync: &Sync<'_>) -> Result<Option<Listed>, Failure> {
    let listed = match sync.vault.read(|secrets| secrets.list())? {
        Ok(listed) => listed,
        Err(error) if error.kind() == ErrorKind::Forbidden => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let listed = listed.iter().map(|it| {
        let written = it.updated_at().or(it.created_at())?;
        Some((it.key().to_string(), Some(written), it.expires_at()))
    });
    Ok(listed.collect())
}

/// Ends the process at a signal, also while a request is in flight: each one is atomic.
fn end_on_signal() -> Result<(), Failure> {
    let cannot = |error| Failure::other(format_args!("cannot wait for signals: {error}"));
    let stop = Arc::new(AtomicBool::new(false));
    for signal in not_ignored(&[SIGTERM, SIGINT]) {
        signal_hook::flag::register(signal, Arc::clone(&stop)).map_err(cannot)?;
    }
    let wait = move || {
        while !stop.load(Ordering::Relaxed) {
            thread::sleep(TICK);
        }
        std::process::exit(0)
    };
    let thread = thread::Builder::new().spawn(wait);
    thread.map(drop).map_err(cannot)
}
