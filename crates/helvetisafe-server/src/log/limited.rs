//! A message that many requests could cause, logged at intervals.

use std::fmt::Display;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::lock::lock;

/// The time between two lines.
const INTERVAL: Duration = Duration::from_secs(60);

/// Logs a message at most once a minute.
#[derive(Debug, Default)]
pub(crate) struct Limited(Mutex<Option<Instant>>);

impl Limited {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    pub(crate) fn warning(&self, message: &dyn Display) {
        if self.is_due(Instant::now()) {
            super::warning(message);
        }
    }

    pub(crate) fn error(&self, message: &dyn Display) {
        if self.is_due(Instant::now()) {
            super::error(message);
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let mut last = lock(&self.0);
        let is_due = last.is_none_or(|last| now.duration_since(last) >= INTERVAL);
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_due_once_in_an_interval() {
        let (limited, start) = (Limited::new(), Instant::now());
        let is_due = |after| limited.is_due(start + after);
        assert!(is_due(Duration::ZERO));
        assert!(!is_due(INTERVAL / 2));
        assert!(is_due(INTERVAL));
        assert!(!is_due(INTERVAL + INTERVAL / 2));
    }
}
