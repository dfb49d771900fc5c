//! The progress bar of long work.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

#[cfg(unix)]
use signal_hook::consts::SIGCONT;

use super::messages::Messages;
#[cfg(unix)]
use super::secret_input::hidden_prompt::signals::{Signals, act_by_default};

/// Shorter work shows no bar.
const DELAY: Duration = Duration::from_secs(1);

/// The time between two drawings, and the longest time from a signal to its effect.
const TICK: Duration = Duration::from_millis(50);

/// The width of the bar, in columns.
const WIDTH: usize = 40;

/// A progress bar on standard error. It appears only on a terminal, after [`DELAY`].
pub(crate) struct Progress {
    done: Arc<AtomicUsize>,
    /// The thread that shows the bar until the sender is dropped.
    display: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Starts to count `length` items.
    pub(crate) fn new(length: usize, messages: Messages) -> Self {
        let done = Arc::<AtomicUsize>::default();
        let display = messages.may_animate().then(|| {
            let done = Arc::clone(&done);
            let (sender, end) = channel();
            let thread = thread::Builder::new().spawn(move || show_late(&done, length, &end));
            // Without a thread there is no bar.
            Some((sender, thread.ok()?))
        });
        Self {
            display: display.flatten(),
            done,
        }
    }

    /// Counts one more item as done.
    pub(crate) fn advance(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Removes the bar, as dropping it does.
    pub(crate) fn finish(self) {}
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

/// Shows the bar after [`DELAY`], until the work ends. A signal that ends or stops the process erases it first.
fn show_late(done: &AtomicUsize, length: usize, end: &Receiver<()>) {
    if has_ended(end, DELAY) {
        return;
    }
    // Without handlers a signal leaves the bar behind, which is no reason to fail.
    #[cfg(unix)]
    let mut signals = Signals::catch().ok();
    let mut shown = String::new();
    loop {
        let text = text(done.load(Ordering::Relaxed), length);
        if text != shown {
            draw(&text);
            shown = text;
        }
        if has_ended(end, TICK) {
            return draw("");
        }
        #[cfg(unix)]
        for signal in signals.iter_mut().flat_map(Signals::pending) {
            if signal != SIGCONT {
                draw("");
                // The bar is drawn again if the process is continued.
                shown.clear();
                let _ = act_by_default(signal);
            }
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

/// Writes a text in place of the line.
fn draw(text: &str) {
    // A failure to draw, as where standard error is closed, is ignored.
    let _ = io::stderr().write_all(format!("\r\u{1b}[2K{text}").as_bytes());
}
