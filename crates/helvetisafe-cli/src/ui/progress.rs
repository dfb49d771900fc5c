//! The progress bar of long work, and the message of a signal that ends it.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

#[cfg(unix)]
use signal_hook::consts::{SIGCONT, SIGTSTP};

use super::in_flight::Change;
use super::interruption::Interruption;
use super::messages::Messages;
#[cfg(unix)]
use super::secret_input::hidden_prompt::signals::{Signals, act_by_default};

/// Shorter work shows no bar.
const DELAY: Duration = Duration::from_secs(1);

/// The time between two drawings, and the longest time from a signal to its effect.
const TICK: Duration = Duration::from_millis(50);

/// The longest time for which a signal waits for the end of a command that has done everything.
#[cfg(unix)]
const LAST_LINES: Duration = Duration::from_secs(2);

/// The width of the bar, in columns.
const WIDTH: usize = 40;

/// A progress bar on standard error. It appears only on a terminal.
pub(crate) struct Progress {
    bar: Arc<Bar>,
    interruption: Interruption,
    /// The thread that shows the bar until the sender is dropped.
    display: Option<(Sender<()>, JoinHandle<()>)>,
}

/// The numbers of items, and the line that shows them.
#[derive(Default)]
struct Bar {
    done: AtomicUsize,
    /// 0 while it is unknown.
    length: AtomicUsize,
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    shown: String,
    is_hidden: bool,
}

/// The appearance of the bar, and the message of a signal.
struct Display {
    bar: Arc<Bar>,
    delay: Duration,
    messages: Messages,
    /// The message of a signal that ends the process, if the work has one.
    interruption: Option<Interruption>,
    #[cfg(unix)]
    signals: Option<Signals>,
}

impl Progress {
    /// Starts to count `length` items. The bar appears after [`DELAY`].
    pub(crate) fn new(length: usize, messages: Messages) -> Self {
        let bar = Arc::new(Bar {
            length: length.into(),
            ..Bar::default()
        });
        let display = messages.may_animate().then(|| Display {
            bar: Arc::clone(&bar),
            delay: DELAY,
            messages,
            interruption: None,
            #[cfg(unix)]
            signals: None,
        });
        Self::start(bar, Interruption::new(), display)
    }

    /// Starts to watch a command that changes something. From now on a signal that ends the process prints what was changed, also
    /// without a terminal: nothing, until another message is set. The bar appears as soon as the number of items is known.
    ///
    /// Call it after all secrets were read: a hidden prompt catches signals, too.
    pub(crate) fn of_change(messages: Messages) -> Self {
        let bar = Arc::<Bar>::default();
        let interruption = Interruption::new();
        let display = Display {
            bar: Arc::clone(&bar),
            delay: Duration::ZERO,
            messages,
            interruption: Some(interruption.clone()),
            // Without handlers a signal has no message, which is no reason to fail.
            #[cfg(unix)]
            signals: Signals::catch().ok(),
        };
        Self::start(bar, interruption, Some(display))
    }

    fn start(bar: Arc<Bar>, interruption: Interruption, display: Option<Display>) -> Self {
        let display = display.and_then(|display| {
            let (sender, end) = channel();
            let thread = thread::Builder::new().spawn(move || display.run(&end));
            // Without a thread there is no bar.
            Some((sender, thread.ok()?))
        });
        Self {
            bar,
            interruption,
            display,
        }
    }

    /// Sets the message of a signal: what was changed, and what to do next. If a signal has come, it does not return.
    pub(crate) fn if_interrupted(&self, message: impl Into<String>) {
        self.interruption.set(message.into(), false);
    }

    /// Notes that everything is done, before the last lines are printed. A signal then prints nothing, and acts only if these
    /// lines are not printed soon. If a signal has come, it does not return.
    pub(crate) fn finish(&self) {
        self.interruption.finish();
    }

    /// Sets the message of a signal while a request is in flight. A signal waits for the answer for 2 s at most.
    pub(crate) fn if_unanswered(&self, message: impl Into<String>) {
        self.interruption.set(message.into(), true);
    }

    /// Returns a change whose outcome is not known while its request is in flight. A signal prints `unknown` then.
    pub(crate) fn change(&self, unknown: String) -> Change {
        Change::new(self.interruption.clone(), unknown)
    }

    /// Does work during which no signal acts, and after which this is the message of a signal.
    pub(crate) fn uninterrupted<T, E>(
        &self,
        message: impl Into<String>,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.interruption.after(message.into(), work)
    }

    /// Counts one more item as done.
    pub(crate) fn advance(&self) {
        self.bar.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Sets the number of items, and of those that are done.
    pub(crate) fn set(&self, done: usize, length: usize) {
        self.bar.length.store(length, Ordering::Relaxed);
        self.bar.done.store(done, Ordering::Relaxed);
    }

    /// Removes the bar, so that messages can be printed. Returns the number of items that were done.
    pub(crate) fn hide(&self) -> usize {
        let mut line = self.bar.line();
        line.is_hidden = true;
        line.show(String::new());
        self.bar.done.load(Ordering::Relaxed)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.display.take() {
            drop(sender);
            // The bar must not appear after it is cleared. A thread that panicked shows nothing.
            let _ = thread.join();
        }
    }
}

impl Display {
    /// Shows the bar after the delay, until the work ends. A signal that ends or stops the process erases it first.
    fn run(mut self, end: &Receiver<()>) {
        if !self.delay.is_zero() {
            if has_ended(end, self.delay) {
                return;
            }
            #[cfg(unix)]
            {
                // Without handlers a signal leaves the bar behind, which is no reason to fail.
                self.signals = Signals::catch().ok();
            }
        }
        loop {
            let text = self.text();
            self.bar.line().show(text);
            let has_ended = has_ended(end, TICK);
            // Also those of the last moment.
            #[cfg(unix)]
            self.act(end);
            if has_ended {
                return self.bar.line().show(String::new());
            }
        }
    }

    /// Lets signals act by default, after their message. After `finish`, they are ignored while the command exits.
    #[cfg(unix)]
    fn act(&mut self, end: &Receiver<()>) {
        let pending: Vec<_> = self.signals.iter_mut().flat_map(Signals::pending).collect();
        for signal in pending {
            if signal == SIGCONT {
                continue;
            }
            let ends = signal != SIGTSTP;
            let interruption = self.interruption.as_ref().filter(|_| ends);
            // Nothing is changed after the message until the process ends.
            let state = interruption.map(Interruption::stop);
            if matches!(state, Some(None)) && has_ended(end, LAST_LINES) {
                continue;
            }
            // The bar is drawn again if the process is continued.
            self.bar.line().show(String::new());
            if let Some(Some(state)) = &state {
                self.report(state.message());
            }
            let _ = act_by_default(signal);
        }
    }

    /// Prints what was changed by the work that a signal ends.
    #[cfg(unix)]
    fn report(&self, message: &str) {
        match self.bar.load() {
            (_, 0) => self.messages.info(format_args!("interrupted; {message}")),
            (done, length) => self.messages.info(format_args!(
                "interrupted after {done} of {length} secrets; {message}"
            )),
        }
    }

    /// Returns the bar; an empty text while there is nothing to show.
    fn text(&self) -> String {
        let (done, length) = self.bar.load();
        match self.messages.may_animate() && length > 0 {
            true => text(done, length),
            false => String::new(),
        }
    }
}

impl Bar {
    /// Returns the number of items that are done, and of all.
    fn load(&self) -> (usize, usize) {
        let done = self.done.load(Ordering::Relaxed);
        (done, self.length.load(Ordering::Relaxed))
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// Writes a text in place of the one that is shown.
    fn show(&mut self, text: String) {
        let text = if self.is_hidden { String::new() } else { text };
        if text != self.shown {
            // A failure to draw, as where standard error is closed, is ignored.
            let _ = io::stderr().write_all(format!("\r\u{1b}[2K{text}").as_bytes());
            self.shown = text;
        }
    }
}

fn has_ended(end: &Receiver<()>, timeout: Duration) -> bool {
    end.recv_timeout(timeout) != Err(RecvTimeoutError::Timeout)
}

fn text(done: usize, length: usize) -> String {
    let full = (done * WIDTH).checked_div(length).unwrap_or(WIDTH);
    let full = full.min(WIDTH);
    let (full, left) = ("█".repeat(full), "░".repeat(WIDTH - full));
    format!("{full}{left} {done} of {length}")
}
