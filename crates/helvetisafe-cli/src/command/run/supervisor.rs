//! Keeps a program running, with the current values of its secrets.

use std::os::raw::c_int;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use helvetisafe::{Change, ChangeKind, Fingerprint};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::child::pass_on;
use super::program::{Prepared, end, words};
use crate::failure::Failure;
use crate::messages::Messages;
use crate::trust::TrustedKeys;

/// Changes that one look finds come one after the other: they are one reason to start anew.
const TOGETHER: Duration = Duration::from_millis(50);
/// Before a program that ended badly is started again, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A look that fails is told to have failed after so long at most, unless `--timeout` says otherwise.
const LONGEST_LOOK: Duration = Duration::from_secs(30);
/// Whoever ran for so long is well again.
const WELL: Duration = Duration::from_secs(60);

pub(super) enum Event {
    Signal {
        signal: c_int,
        /// By a process; else by the system or the terminal.
        is_sent: bool,
    },
    Changed(Change),
    /// A look at the secrets failed.
    Trouble(String),
    /// What was asked for: the program with the current values.
    Fresh(Result<Box<Prepared>, Failure>),
}

/// What is next for a program.
enum Next {
    Start(Box<Prepared>),
    /// It has ended, and we end with it.
    End(ExitStatus),
    /// It ended badly.
    Crashed(ExitStatus),
}

pub(super) struct Supervisor {
    events: Receiver<Event>,
    ask: Sender<()>,
    trusted: TrustedKeys,
    grace: Duration,
    /// Before fresh values are asked for again when that failed.
    retry: Duration,
    messages: Messages,
    /// Somebody wants the program, and us, to end: by then.
    stop_by: Option<Instant>,
    /// When to ask for fresh values.
    due: Option<Instant>,
    /// The org key that has to be trusted before that.
    awaited: Option<Fingerprint>,
    fresh: Option<Box<Prepared>>,
    /// What was wrong at the last look, and when.
    last_trouble: Option<(String, Instant)>,
}

impl Supervisor {
    /// It sends to `ask` when it wants [`Event::Fresh`]: that may take long, and signals do not wait.
    pub(super) fn new(
        events: Receiver<Event>,
        ask: Sender<()>,
        trusted: TrustedKeys,
        grace: Duration,
        retry: Duration,
        messages: Messages,
    ) -> Self {
        Self {
            events,
            ask,
            trusted,
            grace,
            retry,
            messages,
            stop_by: None,
            due: None,
            awaited: None,
            fresh: None,
            last_trouble: None,
        }
    }

    /// Runs the program until it ends well or is told to end.
    pub(super) fn run(&mut self, program: Prepared) -> Result<(), Failure> {
        let mut program = Box::new(program);
        let mut pause = FIRST_PAUSE;
        loop {
            let begun = Instant::now();
            let child = program.spawn()?;
            match self.attend(child).map_err(Failure::other)? {
                Next::Start(next) => {
                    program = next;
                    pause = FIRST_PAUSE;
                }
                Next::End(status) => return end(status),
                Next::Crashed(status) => {
                    if begun.elapsed() >= WELL {
                        pause = FIRST_PAUSE;
                    }
                    self.messages.note(format_args!(
                        "{} {}; starting it again in {} s",
                        program.name(),
                        words(status),
                        pause.as_secs()
                    ));
                    match self.rest(pause) {
                        Some(next) => {
                            program = next;
                            pause = FIRST_PAUSE;
                        }
                        None if self.is_stopping() => return end(status),
                        None => pause = LONGEST_PAUSE.min(2 * pause),
                    }
                }
            }
        }
    }

    fn is_stopping(&self) -> bool {
        self.stop_by.is_some()
    }

    /// Until the program ends, or has to make place for one with fresh values.
    fn attend(&mut self, mut child: Child) -> std::io::Result<Next> {
        loop {
            let may_have_ended = self.is_child_event(&child, None);
            if let Some(deadline) = self.stop_by {
                return self.end_by(deadline, child).map(Next::End);
            }
            if may_have_ended {
                match child.try_wait()? {
                    Some(status) if status.success() => return Ok(Next::End(status)),
                    Some(status) => return Ok(Next::Crashed(status)),
                    None => {}
                }
            } else if let Some(next) = self.fresh.take() {
                return self.replace(child, next);
            }
        }
    }

    /// Makes a program end, and place for the next.
    fn replace(&mut self, child: Child, next: Box<Prepared>) -> std::io::Result<Next> {
        pass_on(&child, SIGTERM);
        let status = self.end_by(Instant::now() + self.grace, child)?;
        // Changes that came meanwhile are looked at with the next program.
        Ok(if self.is_stopping() {
            Next::End(status)
        } else {
            Next::Start(next)
        })
    }

    /// Waits for the end of a program that was asked for it, and kills it at the deadline.
    fn end_by(&mut self, deadline: Instant, mut child: Child) -> std::io::Result<ExitStatus> {
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                self.messages.note("it did not end in time, and is killed");
                child.kill()?;
                return child.wait();
            }
            self.is_child_event(&child, Some(deadline));
        }
    }

    /// Waits before a program that ended badly is started again; fresh values end that at once.
    fn rest(&mut self, pause: Duration) -> Option<Box<Prepared>> {
        let until = Instant::now() + pause;
        while !self.is_stopping() && self.fresh.is_none() && Instant::now() < until {
            self.take(Some(until), |_| ());
        }
        self.fresh.take_if(|_| self.stop_by.is_none())
    }

    /// Takes in one event; whether it may be the child's end. Signals go on to the child.
    fn is_child_event(&mut self, child: &Child, deadline: Option<Instant>) -> bool {
        let mut may_have_ended = false;
        self.take(deadline, |signal| match signal {
            SIGCHLD => may_have_ended = true,
            signal => pass_on(child, signal),
        });
        may_have_ended
    }

    /// Waits for an event, at most until the deadline or until a start is due. `signalled` gets
    /// SIGCHLD and what a process sent us.
    fn take(&mut self, deadline: Option<Instant>, signalled: impl FnOnce(c_int)) {
        let until = [deadline, self.due].into_iter().flatten().min();
        let event = match until {
            Some(until) => {
                let time = until.saturating_duration_since(Instant::now());
                self.events.recv_timeout(time)
            }
            None => self
                .events
                .recv()
                .map_err(|_| RecvTimeoutError::Disconnected),
        };
        match event {
            Ok(Event::Signal { signal, is_sent }) => {
                // A terminal sends these to the program too, when it is closed for example.
                if matches!(signal, SIGTERM | SIGINT)
                    || (!is_sent && matches!(signal, SIGHUP | SIGQUIT))
                {
                    let stop_by = Instant::now() + self.grace;
                    self.stop_by.get_or_insert(stop_by);
                }
                if is_sent || signal == SIGCHLD {
                    signalled(signal);
                }
            }
            Ok(Event::Changed(change)) => {
                self.messages.note(in_words(&change));
                self.due = Some(Instant::now() + TOGETHER);
                self.awaited = None;
            }
            Ok(Event::Trouble(error)) => self.tell_once(error),
            Ok(Event::Fresh(Ok(program))) => self.fresh = Some(program),
            Ok(Event::Fresh(Err(failure))) => self.not_fresh(&failure),
            Err(_) => self.ask_if_due(),
        }
    }

    fn ask_if_due(&mut self) {
        if self.due.take_if(|due| Instant::now() >= *due).is_none() {
            return;
        }
        if self.awaited.is_some_and(|key| !self.trusted.has(key)) {
            self.due = Some(Instant::now() + self.retry);
            return;
        }
        // The receiver lives as long as the process.
        let _ = self.ask.send(());
    }

    fn not_fresh(&mut self, failure: &Failure) {
        self.messages.failure(failure);
        self.messages
            .note("the values could not be read anew; going on with the old ones");
        // What does not pass by itself waits for another change, or for the user to trust a key.
        self.awaited = failure.untrusted();
        let is_tried_again = failure.may_pass() || self.awaited.is_some();
        self.due = is_tried_again.then(|| Instant::now() + self.retry);
    }

    /// A vault that is down is told once, until it has answered in between.
    fn tell_once(&mut self, trouble: String) {
        let goes_on = self.retry.saturating_mul(2).saturating_add(LONGEST_LOOK);
        if is_news(self.last_trouble.as_ref(), &trouble, goes_on) {
            self.messages
                .note(format_args!("cannot see whether secrets change: {trouble}"));
        }
        self.last_trouble = Some((trouble, Instant::now()));
    }
}

/// Whether a trouble is another one than the last, or so long after it that looks between them
/// succeeded.
fn is_news(last: Option<&(String, Instant)>, trouble: &str, goes_on: Duration) -> bool {
    last.is_none_or(|(told, at)| told != trouble || at.elapsed() >= goes_on)
}

fn in_words(change: &Change) -> String {
    let what = match change.kind() {
        ChangeKind::Appeared => "is there now",
        ChangeKind::Gone => "is gone",
        _ => "has changed",
    };
    format!("`{}` {what}", change.key())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_news_unless_it_goes_on() {
        let minute = Duration::from_secs(60);
        let last = ("down".to_owned(), Instant::now());
        assert!(is_news(None, "down", minute));
        assert!(!is_news(Some(&last), "down", minute));
        assert!(is_news(Some(&last), "slow", minute));
        // It went on for no time at all.
        assert!(is_news(Some(&last), "down", Duration::ZERO));
    }
}
