//! The progress bar of long work.

use std::io::{self, Write};
#[cfg(unix)]
use std::os::raw::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

#[cfg(unix)]
use signal_hook::consts::{SIGCONT, SIGTSTP};

use super::messages::Messages;
#[cfg(unix)]
use super::secret_input::hidden_prompt::signals::{Signals, act_by_default};

/// Shorter work shows no bar.
const DELAY: Duration = Duration::from_secs(1);

/// The time between two drawings, and the longest time from a signal to its effect.
const TICK: Duration = Duration::from_millis(50);

/// The width of the bar, in columns.
const WIDTH: usize = 40;

/// A progress bar on standard error. It appears only on a terminal.
pub(crate) struct Progress {
    counts: Arc<Counts>,
    /// The thread that shows the bar until the sender is dropped.
    display: Option<(Sender<()>, JoinHandle<()>)>,
}

/// The numbers of items.
#[derive(Default)]
struct Counts {
    done: AtomicUsize,
    /// 0 while it is unknown.
    length: AtomicUsize,
}

/// The appearance of the bar, and the message after a signal.
struct Display {
    counts: Arc<Counts>,
    delay: Duration,
    messages: Messages,
    /// The advice after a signal that ends the process.
    resume: Option<String>,
}

impl Progress {
    /// Starts to count `length` items. The bar appears after [`DELAY`].
    pub(crate) fn new(length: usize, messages: Messages) -> Self {
        let counts = Arc::new(Counts {
            length: length.into(),
            ..Counts::default()
        });
        let display = messages.may_animate().then(|| Display {
            counts: Arc::clone(&counts),
            delay: DELAY,
            messages,
            resume: None,
        });
        Self::start(counts, display)
    }

    /// Starts to count items whose number is not known yet. The bar appears at once. A signal that ends the process prints the
    /// numbers and `resume`, also without a terminal.
    pub(crate) fn of_resumable(resume: String, messages: Messages) -> Self {
        let counts = Arc::<Counts>::default();
        let display = Display {
            counts: Arc::clone(&counts),
            delay: Duration::ZERO,
            messages,
            resume: Some(resume),
        };
        Self::start(counts, Some(display))
    }

    fn start(counts: Arc<Counts>, display: Option<Display>) -> Self {
        let display = display.and_then(|display| {
            let (sender, end) = channel();
            let thread = thread::Builder::new().spawn(move || display.run(&end));
            // Without a thread there is no bar.
            Some((sender, thread.ok()?))
        });
        Self { counts, display }
    }

    /// Counts one more item as done.
    pub(crate) fn advance(&self) {
        self.counts.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Sets the number of items, and of those that are done.
    pub(crate) fn set(&self, done: usize, length: usize) {
        self.counts.length.store(length, Ordering::Relaxed);
        self.counts.done.store(done, Ordering::Relaxed);
    }

    /// Removes the bar, as dropping it does. Returns the number of items that were done.
    pub(crate) fn finish(self) -> usize {
        self.counts.done.load(Ordering::Relaxed)
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
    fn run(&self, end: &Receiver<()>) {
        if !self.delay.is_zero() && has_ended(end, self.delay) {
            return;
        }
        // Without handlers a signal leaves the bar behind, which is no reason to fail.
        #[cfg(unix)]
        let mut signals = Signals::catch().ok();
        let mut shown = String::new();
        loop {
            let text = self.text();
            if text != shown {
                draw(&text);
                shown = text;
            }
            if has_ended(end, TICK) {
                return erase(&shown);
            }
            #[cfg(unix)]
            for signal in signals.iter_mut().flat_map(Signals::pending) {
                if signal != SIGCONT {
                    erase(&shown);
                    // The bar is drawn again if the process is continued.
                    shown.clear();
                    self.report(signal);
                    let _ = act_by_default(signal);
                }
            }
        }
    }

    /// Returns the bar; an empty text while there is nothing to show.
    fn text(&self) -> String {
        let (done, length) = self.counts.load();
        match self.messages.may_animate() && length > 0 {
            true => text(done, length),
            false => String::new(),
        }
    }

    /// Prints how to resume work that a signal ends.
    #[cfg(unix)]
    fn report(&self, signal: c_int) {
        let Some(resume) = self.resume.as_ref().filter(|_| signal != SIGTSTP) else {
            return;
        };
        match self.counts.load() {
            (_, 0) => self.messages.info(format_args!("interrupted; {resume}")),
            (done, length) => self.messages.info(format_args!(
                "interrupted after {done} of {length} secrets; {resume}"
            )),
        }
    }
}

impl Counts {
    /// Returns the number of items that are done, and of all.
    fn load(&self) -> (usize, usize) {
        let done = self.done.load(Ordering::Relaxed);
        (done, self.length.load(Ordering::Relaxed))
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

/// Removes the bar, if one is shown.
fn erase(shown: &str) {
    if !shown.is_empty() {
        draw("");
    }
}

/// Writes a text in place of the line.
fn draw(text: &str) {
    // A failure to draw, as where standard error is closed, is ignored.
    let _ = io::stderr().write_all(format!("\r\u{1b}[2K{text}").as_bytes());
}
