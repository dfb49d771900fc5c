//! Keeps a program running with the current values of its secrets.

use std::os::raw::c_int;
use std::process::ExitStatus;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use helvetisafe::{Change, ChangeKind};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};

use crate::commands::launch::{Group, Program, TICK, describe, end, suspend};
use crate::failure::Failure;
use crate::ui::lasting::Lasting;
use crate::ui::messages::Messages;

/// The time to collect the changes of one poll, which arrive one by one.
const COLLECTING: Duration = Duration::from_millis(50);
/// The pause before a failed program is restarted, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A program that ran this long is stable, and its next pause is the first one again.
const STABLE: Duration = Duration::from_secs(60);
/// A program that was started because of a change, and ends sooner than this, has failed, whatever its status.
const AT_ONCE: Duration = Duration::from_secs(2);

pub(super) enum Event {
    Signal {
        signal: c_int,
        /// Set if a process sent it, not the system or the terminal.
        is_sent: bool,
    },
    Changed(Change),
    /// A poll of the secrets failed.
    PollFailed(String),
    /// A poll succeeded after one that failed.
    PollSucceeded,
    /// The requested program with the current values, or the reasons for which they could not be read.
    Fresh(Result<Box<Program>, Vec<String>>),
}

/// The next step for a program.
enum Next {
    Start(Box<Program>),
    /// The program has ended, and so does this process.
    End(ExitStatus),
    /// The program failed.
    Failed(ExitStatus),
}

pub(super) struct Supervisor {
    events: Receiver<Event>,
    request: Sender<()>,
    grace: Duration,
    /// The pause before fresh values are requested again after a failure.
    pause: Duration,
    messages: Messages,
    /// The deadline for the program to end, once a signal asks for the end.
    stop_by: Option<Instant>,
    /// The time to request fresh values after a change.
    due: Option<Instant>,
    /// The time to request them again after a failure.
    retry: Option<Instant>,
    fresh: Option<Box<Program>>,
    /// Set after a change, until a program has lasted.
    is_replacement: bool,
    /// The failure of the polls, and that of reading the values.
    failed_polls: Lasting,
    failed_reads: Lasting,
}

impl Supervisor {
    /// It sends to `request` for [`Event::Fresh`], which may take long, while signals must not wait.
    pub(super) fn new(
        events: Receiver<Event>,
        request: Sender<()>,
        grace: Duration,
        pause: Duration,
        messages: Messages,
    ) -> Self {
        Self {
            events,
            request,
            grace,
            pause,
            messages,
            stop_by: None,
            due: None,
            retry: None,
            fresh: None,
            is_replacement: false,
            failed_polls: Lasting::default(),
            failed_reads: Lasting::default(),
        }
    }

    /// Runs the program until it succeeds, or a signal ends it.
    pub(super) fn run(&mut self, program: Program) -> Result<(), Failure> {
        let mut program = Box::new(program);
        let mut pause = FIRST_PAUSE;
        loop {
            let started = Instant::now();
            let group = program.spawn()?;
            match self.supervise(group, started).map_err(Failure::other)? {
                Next::Start(next) => {
                    program = next;
                    pause = FIRST_PAUSE;
                    self.is_replacement = true;
                }
                Next::End(status) => return end(status),
                Next::Failed(status) => {
                    if started.elapsed() >= STABLE {
                        pause = FIRST_PAUSE;
                    }
                    let when = match status.success() {
                        true => " as soon as it was started",
                        false => "",
                    };
                    self.messages.note(format_args!(
                        "{} {}{when}; starting it again in {} s",
                        program.name(),
                        describe(status),
                        pause.as_secs()
                    ));
                    match self.back_off(pause) {
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

    /// Waits until the program ends or must be replaced by one with fresh values. Nothing of its group is
    /// left then.
    fn supervise(&mut self, mut group: Group, started: Instant) -> std::io::Result<Next> {
        loop {
            self.handle_event(None, Some(&mut group));
            if let Some(deadline) = self.stop_by {
                return self.end_by(deadline, group).map(Next::End);
            }
            if group.update()?.is_some() {
                let has_lasted = started.elapsed() >= AT_ONCE;
                let is_ended_by_key = group.is_ended_by_key();
                let status = self.end_by(Instant::now() + self.grace, group)?;
                return Ok(self.after_end(status, has_lasted, is_ended_by_key));
            }
            if let Some(next) = self.fresh.take() {
                return self.replace(group, next);
            }
        }
    }

    /// Returns the next step after a program that ended by itself.
    fn after_end(&mut self, status: ExitStatus, has_lasted: bool, is_ended_by_key: bool) -> Next {
        // For example, a wrapper may end with 0 although its program could not start.
        self.is_replacement &= !has_lasted;
        let is_success = status.success() && !self.is_replacement;
        if is_success || is_ended_by_key || self.is_stopping() {
            Next::End(status)
        } else {
            Next::Failed(status)
        }
    }

    /// Ends a program, to start the next one.
    fn replace(&mut self, group: Group, next: Box<Program>) -> std::io::Result<Next> {
        group.ask_to_end();
        let status = self.end_by(Instant::now() + self.grace, group)?;
        Ok(if self.is_stopping() {
            Next::End(status)
        } else {
            Next::Start(next)
        })
    }

    /// Waits for a program that was asked to end, asks what it leaves behind to end too, and kills the whole
    /// group at the deadline.
    fn end_by(&mut self, deadline: Instant, mut group: Group) -> std::io::Result<ExitStatus> {
        let mut is_rest_asked = false;
        loop {
            if let Some(status) = group.update()? {
                if group.is_gone() {
                    return Ok(status);
                }
                if !is_rest_asked {
                    group.ask_to_end();
                    is_rest_asked = true;
                }
            }
            if Instant::now() >= deadline {
                self.messages
                    .note("the program did not end in time, and is killed");
                return group.kill();
            }
            let tick = Instant::now() + TICK;
            self.handle_event(Some(deadline.min(tick)), Some(&mut group));
        }
    }

    /// Pauses before a failed program is restarted. Fresh values end the pause.
    fn back_off(&mut self, pause: Duration) -> Option<Box<Program>> {
        let until = Instant::now() + pause;
        while !self.is_stopping() && self.fresh.is_none() && Instant::now() < until {
            self.handle_event(Some(until), None);
        }
        self.fresh.take_if(|_| self.stop_by.is_none())
    }

    /// Waits for an event, at most until the deadline or until a request is due. A running group gets the
    /// signals.
    fn handle_event(&mut self, deadline: Option<Instant>, group: Option<&mut Group>) {
        let until = [deadline, self.due, self.retry].into_iter().flatten().min();
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
                // For example, a terminal that closes sends SIGHUP.
                if matches!(signal, SIGTERM | SIGINT)
                    || (!is_sent && matches!(signal, SIGHUP | SIGQUIT))
                {
                    let stop_by = Instant::now() + self.grace;
                    self.stop_by.get_or_insert(stop_by);
                }
                match group {
                    Some(group) => group.handle_signal(signal, is_sent),
                    None if signal == SIGTSTP => suspend(),
                    None => {}
                }
            }
            Ok(Event::Changed(change)) => {
                self.messages.note(describe_change(&change));
                self.due = Some(Instant::now() + COLLECTING);
            }
            Ok(Event::PollFailed(error)) => self.note_failed_poll(&error),
            Ok(Event::PollSucceeded) => self.note_recovery(),
            Ok(Event::Fresh(Ok(program))) => {
                self.note_read();
                self.fresh = Some(program);
            }
            Ok(Event::Fresh(Err(reasons))) => self.keep_old(reasons),
            Err(_) => self.request_if_due(),
        }
    }

    fn request_if_due(&mut self) {
        let now = Instant::now();
        let is_due = |time: &Option<Instant>| time.is_some_and(|time| now >= time);
        if is_due(&self.due) || is_due(&self.retry) {
            self.due.take_if(|due| now >= *due);
            // The outcome of this request decides about the next one.
            self.retry = None;
            // The receiver lives as long as the process.
            let _ = self.request.send(());
        }
    }

    fn note_read(&mut self) {
        self.retry = None;
        if let Some(after) = self.failed_reads.end() {
            self.messages
                .note(format_args!("the values can be read again, after {after}"));
        }
    }

    /// Reports the reasons once. The cause of any failure may end without another change, so the values are read again.
    fn keep_old(&mut self, reasons: Vec<String>) {
        if self.failed_reads.begin(&reasons.join("\n")) {
            self.messages.failures(reasons);
            self.messages
                .note("the values could not be read again; continuing with the old ones");
        }
        self.retry = Some(Instant::now() + self.pause);
    }

    fn note_failed_poll(&mut self, error: &str) {
        if self.failed_polls.begin(error) {
            self.messages
                .note(format_args!("cannot see whether secrets change: {error}"));
        }
    }

    fn note_recovery(&mut self) {
        if let Some(after) = self.failed_polls.end() {
            self.messages.note(format_args!(
                "changes of secrets can be seen again, after {after}"
            ));
        }
    }
}

fn describe_change(change: &Change) -> String {
    let what = match change.kind() {
        ChangeKind::Appeared => "exists now",
        ChangeKind::Gone => "is gone",
        _ => "has changed",
    };
    format!("`{}` {what}", change.key())
}
