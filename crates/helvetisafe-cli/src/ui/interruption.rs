//! The message of a signal that ends a command: what the command has changed until then.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
#[cfg(unix)]
use std::thread::sleep;
#[cfg(unix)]
use std::time::{Duration, Instant};

/// The longest time for which a signal waits for an answer that shows the outcome.
#[cfg(unix)]
const WAIT: Duration = Duration::from_secs(2);

/// The interval between polls for that answer.
#[cfg(unix)]
const TICK: Duration = Duration::from_millis(10);

/// The message before anything was changed.
const NOTHING: &str = "nothing was changed";

/// The message that a signal prints. It is true at every moment, since no signal acts while it is replaced.
#[derive(Clone)]
pub(super) struct Interruption(Arc<Mutex<State>>);

/// The known state of the changes of a command.
pub(super) struct State {
    message: String,
    /// True while an answer is awaited that shows more.
    is_awaited: bool,
    /// True once everything is done, and the command only reports it.
    is_done: bool,
}

impl Interruption {
    pub(super) fn new() -> Self {
        let state = State {
            message: NOTHING.to_owned(),
            is_awaited: false,
            is_done: false,
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Replaces the message. If a signal has come, this does not return, so nothing happens after it.
    pub(super) fn set(&self, message: String, is_awaited: bool) {
        *self.lock() = State {
            message,
            is_awaited,
            is_done: false,
        };
    }

    /// Notes that everything is done, so that a signal has no message: the command reports it. If a signal has come, this does not
    /// return.
    pub(super) fn finish(&self) {
        self.lock().is_done = true;
    }

    /// Returns the message.
    pub(super) fn message(&self) -> String {
        self.lock().message.clone()
    }

    /// Does work during which no signal acts. If it succeeds, it has this message.
    pub(super) fn after<T, E>(
        &self,
        message: String,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let mut state = self.lock();
        let done = work()?;
        *state = State {
            message,
            is_awaited: false,
            is_done: false,
        };
        Ok(done)
    }

    /// Stops the changes of the command until the guard is dropped. Waits before for an answer that shows the outcome, but not
    /// for long. `None` if everything is done.
    #[cfg(unix)]
    pub(super) fn stop(&self) -> Option<MutexGuard<'_, State>> {
        let start = Instant::now();
        loop {
            let state = self.lock();
            if state.is_done {
                return None;
            }
            if !state.is_awaited || start.elapsed() >= WAIT {
                return Some(state);
            }
            drop(state);
            sleep(TICK);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(unix)]
impl State {
    pub(super) fn message(&self) -> &str {
        &self.message
    }
}
