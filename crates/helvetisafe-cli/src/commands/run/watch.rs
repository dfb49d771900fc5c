//! `--watch`: restarts the program when one of its secrets changes.

use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use helvetisafe::Watch;

use super::supervisor::{Event, Supervisor};
use super::{Args, FAILED, prepare};
use crate::commands::launch;
use crate::failure::Failure;
use crate::session::{Reader, Vault};
use crate::settings::AccountFile;
use crate::ui::held::hold_failures;
use crate::ui::messages::Messages;

/// The longest time between the end of an outage and its report.
const TICK: Duration = Duration::from_secs(1);

pub(super) fn run(args: &Args, interval: Duration, vault: &Vault) -> Result<(), Failure> {
    let watch =
        start_watch(args, interval, vault).map_err(|failure| failure.with_status(FAILED))?;
    let program = prepare(args, vault)?;

    let (sender, events) = channel();
    let (request, requests) = channel();
    send_signals(sender.clone())?;
    send_changes(watch, vault.settings()?.account_file(), sender.clone())?;
    let messages = vault.messages;
    let mut supervisor = Supervisor::new(events, request, args.grace, interval, messages);
    spawn(move || finish(supervisor.run(program), messages))?;
    // This thread has the connection, so it reads the values. The other thread ends the process.
    for () in requests {
        vault.budget()?.restart();
        let (prepared, mut reasons) = hold_failures(|| prepare(args, vault));
        let fresh = prepared.map(Box::new).map_err(|failure| {
            let failure = vault.explain_refusal(failure);
            reasons.extend(failure.message().map(str::to_owned));
            reasons
        });
        // The receiver lives as long as the process.
        let _ = sender.send(Event::Fresh(fresh));
    }
    Ok(())
}

/// Ends the process with the status of the program, also while a request to the vault is in flight.
fn finish(outcome: Result<(), Failure>, messages: Messages) -> ! {
    let status = match outcome {
        Ok(()) => 0,
        Err(failure) => {
            messages.failure(&failure);
            failure.status()
        }
    };
    std::process::exit(status.into())
}

/// Polls the secrets before they are read, so that a change in between is noticed.
fn start_watch(args: &Args, interval: Duration, vault: &Vault) -> Result<Watch, Failure> {
    let file = args.env_file.read(vault.messages)?;
    let references = file.map(|file| file.references.as_slice());
    let reader = Reader::online(vault);
    let keys = args.selection.keys_with(references, reader)?;
    let (secrets, budget) = (vault.client()?.secrets(), vault.budget()?);
    // Each poll has the whole time, as each reading of the values.
    let secrets = budget.total().map_or(secrets, |time| secrets.within(time));
    let mut watch = secrets.watch(&keys, interval)?;
    budget.spend(|| watch.begin())?;
    Ok(watch)
}

/// Handles signals before the program is started, so that none is lost.
fn send_signals(sender: Sender<Event>) -> Result<(), Failure> {
    let mut signals = launch::signals().map_err(Failure::other)?;
    let send = move || {
        for origin in signals.forever() {
            let is_sent = origin.process.is_some();
            let signal = origin.signal;
            if sender.send(Event::Signal { signal, is_sent }).is_err() {
                return;
            }
        }
    };
    spawn(send)
}

fn send_changes(
    mut watch: Watch,
    account: Option<AccountFile>,
    sender: Sender<Event>,
) -> Result<(), Failure> {
    let send = move || {
        let mut was_failing = false;
        loop {
            let outcome = watch.next_within(TICK);
            let has_recovered = was_failing && !watch.is_failing();
            was_failing = watch.is_failing();
            let event = outcome.map(|outcome| match outcome {
                Ok(change) => Event::Changed(change),
                Err(error) => {
                    let failure = Failure::without_doctor(error);
                    let reasons = || account.as_ref()?.causes_of_refusal(true);
                    let failure = failure.with_causes_of_refusal(reasons);
                    Event::PollFailed(failure.message().unwrap_or_default().to_owned())
                }
            });
            let events = has_recovered.then_some(Event::PollSucceeded);
            for event in events.into_iter().chain(event) {
                if sender.send(event).is_err() {
                    return;
                }
            }
        }
    };
    spawn(send)
}

/// Starts a thread, which ends with the process.
fn spawn(work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let thread = thread::Builder::new().spawn(work);
    thread.map(drop).map_err(Failure::other)
}
