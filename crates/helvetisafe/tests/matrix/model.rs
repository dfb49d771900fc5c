//! The expected course of a case, computed only from the words of the document.

use std::fmt;
use std::time::Duration;

use helvetisafe::{ErrorKind, Failure};
use helvetisafe_test_support::Jitter;

use crate::document::{Column, Rule};
use crate::event::Event;
use crate::verb::{By, Verb};

/// One cell of the table with one event.
pub(crate) struct Case {
    pub(crate) verb: Verb,
    pub(crate) by: By,
    pub(crate) event: Event,
    /// The document's rule for it.
    pub(crate) rule: Rule,
    /// The document's rule for lost answers.
    pub(crate) lost: Rule,
    /// The attempt with the event, from 1; earlier attempts are answered with 429. `None`: all attempts.
    pub(crate) attempt: Option<usize>,
}

/// The observed or expected course of a case.
#[derive(Debug, PartialEq)]
pub(crate) struct Course {
    /// Requests of the call.
    pub(crate) requests: usize,
    /// Reads of a secret whose create was lost.
    pub(crate) read_backs: usize,
    /// Other token requests.
    pub(crate) tokens: usize,
    pub(crate) waits: Vec<Duration>,
    pub(crate) outcome: Outcome,
    /// The times the vault created or deleted the secret: 0 or 1.
    pub(crate) acts: usize,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    Success,
    Failure {
        kind: ErrorKind,
        is_retryable: bool,
        retry_after: Option<Duration>,
    },
}

const ATTEMPTS: usize = 3;
const OPERATION: Duration = Duration::from_secs(30);
const LONGEST_ASKED: Duration = Duration::from_secs(30);
const LONGEST_BACK_OFF: f64 = 5.0;
const BASE: f64 = 0.05;
const THROTTLED_BASE: f64 = 1.0;

impl Case {
    /// Returns true if the case is possible and differs from all others.
    pub(crate) fn makes_sense(&self) -> bool {
        let has_tokens = self.by == By::ServiceAccount || self.verb != Verb::Token;
        // A put whose update is answered with 404 creates, which is another call.
        let is_put_404 = self.verb == Verb::Put && self.event == Event::status(404);
        // Only for writes it matters that the vault acted.
        let is_write = matches!(self.verb.column(), Column::Write | Column::Create);
        has_tokens && !is_put_404 && (is_write || !self.event.acted())
    }

    /// The event at the `n`th request, from 1.
    pub(crate) fn event_at(&self, n: usize) -> Option<Event> {
        match self.attempt {
            None => Some(self.event.clone()),
            Some(attempt) if n < attempt => Some(Event::status(429)),
            Some(attempt) => (n == attempt).then(|| self.event.clone()),
        }
    }

    fn rule_at(&self, n: usize, event: &Event) -> Rule {
        if *event == Event::status(429) {
            return Rule::Throttled;
        }
        // The first request of a client and a request after a dead connection have a new connection.
        let is_first = self.verb == Verb::PrivateKey && self.by == By::ApiToken && n == 1;
        let is_new = is_first || self.attempt.is_none() && n > 1;
        if *event == Event::Dead && is_new {
            self.lost
        } else {
            self.rule
        }
    }

    fn failure(&self, event: &Event, rule: Rule) -> Outcome {
        let (mut kind, mut is_retryable) = event.error();
        let refused = matches!(
            event,
            Event::Status {
                code: 400 | 401 | 403,
                ..
            }
        );
        if self.verb == Verb::Token && refused {
            kind = ErrorKind::Auth;
        }
        let needs_secret = matches!(
            self.verb,
            Verb::Get | Verb::Update | Verb::Put | Verb::Delete
        );
        if kind == ErrorKind::NotFound && !needs_secret {
            kind = ErrorKind::Api;
        }
        let is_answer = matches!(event, Event::Status { .. } | Event::Unsent(_));
        let is_lost_write = self.verb.column() == Column::Write && !is_answer;
        if is_lost_write || rule == Rule::ReadBackOrAmbiguous {
            (kind, is_retryable) = (ErrorKind::Ambiguous, false);
        }
        let retry_after = event.asked().map(Duration::from_secs);
        let retry_after = retry_after.filter(|_| kind != ErrorKind::Ambiguous);
        Outcome::Failure {
            kind,
            is_retryable,
            retry_after,
        }
    }
}

/// The attempts of one call.
struct Run {
    jitter: Jitter,
    waits: Vec<Duration>,
}

impl Run {
    /// Waits before the next attempt. Returns false if there is none.
    fn wait(&mut self, base: f64, asked: Option<u64>) -> bool {
        let failed = self.waits.len();
        if failed + 1 == ATTEMPTS {
            return false;
        }
        let longest = LONGEST_BACK_OFF.min(base * 2_f64.powi(failed as i32));
        let back_off = Duration::from_secs_f64(longest * self.jitter.next());
        let asked = Duration::from_secs(asked.unwrap_or(0));
        let wait = back_off.max(asked);
        let passed: Duration = self.waits.iter().sum();
        if asked > LONGEST_ASKED || passed + wait > OPERATION {
            return false;
        }
        self.waits.push(wait);
        true
    }
}

pub(crate) fn predict(number: usize, case: &Case) -> Course {
    let mut run = Run {
        jitter: Jitter::from_seed(number),
        waits: Vec::new(),
    };
    let (mut requests, mut read_backs, mut tokens) = (0, 0, 0);
    let (mut at_once, mut renewed) = (false, false);
    let mut acts = 0;
    let outcome = loop {
        requests += 1;
        let Some(event) = case.event_at(requests) else {
            acts = 1;
            break Outcome::Success;
        };
        if event.acted() {
            acts = 1;
        }
        let mut rule = case.rule_at(requests, &event);
        if rule == Rule::AtOnce && at_once {
            rule = case.lost;
        }
        let goes_on = match rule {
            Rule::Again => run.wait(BASE, event.asked()),
            Rule::Throttled => run.wait(THROTTLED_BASE, event.asked()),
            Rule::AtOnce => {
                at_once = true;
                true
            }
            Rule::ReadBack | Rule::ReadBackOrAmbiguous => {
                read_backs += 1;
                if acts > 0 {
                    break Outcome::Success;
                }
                run.wait(BASE, None)
            }
            Rule::NewCredential if renewed => false,
            Rule::NewCredential => {
                renewed = true;
                tokens += usize::from(case.by == By::ServiceAccount);
                // The other header of an API token is tried in the first call only.
                case.by == By::ServiceAccount || case.verb == Verb::PrivateKey
            }
            Rule::Never => false,
        };
        if !goes_on {
            break case.failure(&event, rule);
        }
    };
    let counts = matches!(case.verb, Verb::Create | Verb::Delete);
    let acts = if counts { acts } else { 0 };
    Course {
        requests,
        read_backs,
        tokens,
        waits: run.waits,
        outcome,
        acts,
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            verb,
            by,
            event,
            rule,
            attempt,
            ..
        } = self;
        write!(f, "{verb:?}, {by:?}, {event:?} at {attempt:?} ({rule:?})")
    }
}

/// The failure that the transport has to simulate.
pub(crate) fn simulated(event: &Event) -> Option<Failure> {
    match event {
        Event::Unsent(failure) => Some(*failure),
        _ => None,
    }
}
