//! `--watch`: starts the program anew when one of its secrets changes.

use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use helvetisafe::Watch;

use super::supervisor::{Event, Supervisor};
use super::{Args, FAILED, child, prepare};
use crate::context::Context;
use crate::failure::Failure;
use crate::messages::Messages;
use crate::trust::TrustedKeys;

pub(super) fn run(args: &Args, interval: Duration, context: &Context) -> Result<(), Failure> {
    let watch = begin(args, interval, context).map_err(|failure| failure.with_status(FAILED))?;
    let program = prepare(args, context)?;

    let (sender, events) = channel();
    let (ask, asked) = channel();
    tell_signals(sender.clone())?;
    tell_changes(watch, sender.clone())?;
    let messages = context.messages;
    let trusted = TrustedKeys::of(context.config()?)?;
    let mut supervisor = Supervisor::new(events, ask, trusted, args.grace, interval, messages);
    start(move || finish(supervisor.run(program), messages))?;
    // The thread that has the connection reads the values. The channel is open as long as the process
    // lives: the other thread ends it.
    for () in asked {
        context.budget()?.restart();
        // The receiver lives as long as the process.
        let _ = sender.send(Event::Fresh(prepare(args, context).map(Box::new)));
    }
    Ok(())
}

/// Ends the process as the program ended: a vault that does not answer must not hold that up.
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

/// Looks at the secrets before they are read, so that what changes in between is noticed.
fn begin(args: &Args, interval: Duration, context: &Context) -> Result<Watch, Failure> {
    let keys = args.selection.keys(context)?;
    let (secrets, budget) = (context.client()?.secrets(), context.budget()?);
    // Each look has it, as each reading of the values has.
    let secrets = budget.total().map_or(secrets, |time| secrets.within(time));
    let mut watch = secrets.watch(&keys, interval)?;
    budget.spend(|| watch.begin())?;
    Ok(watch)
}

/// Before the program is started, so that none is lost.
fn tell_signals(sender: Sender<Event>) -> Result<(), Failure> {
    let mut signals = child::signals().map_err(Failure::other)?;
    let tell = move || {
        for origin in signals.forever() {
            let is_sent = origin.process.is_some();
            let signal = origin.signal;
            if sender.send(Event::Signal { signal, is_sent }).is_err() {
                return;
            }
        }
    };
    start(tell)
}

fn tell_changes(watch: Watch, sender: Sender<Event>) -> Result<(), Failure> {
    let tell = move || {
        for outcome in watch {
            let event = match outcome {
                Ok(change) => Event::Changed(change),
                Err(error) => Event::Trouble(error.to_string()),
            };
            if sender.send(event).is_err() {
                return;
            }
        }
    };
    start(tell)
}

/// It ends with the process.
fn start(work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let thread = thread::Builder::new().spawn(work);
    thread.map(drop).map_err(Failure::other)
}
