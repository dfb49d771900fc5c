//! A progress bar for long work.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

#[cfg(unix)]
use signal_hook::consts::SIGCONT;

use crate::ui::messages::Messages;
#[cfg(unix)]
use crate::ui::secret_input::hidden_prompt::signals::{Signals, act_by_default};

/// Shorter work shows no bar.
const DELAY: Duration = Duration::from_secs(1);

/// The longest time from a signal to its effect.
#[cfg(unix)]
const TICK: Duration = Duration::from_millis(50);

/// A progress bar on standard error. It appears only on a terminal, after [`DELAY`].
pub(crate) struct Progress {
    bar: ProgressBar,
    /// The thread that shows the bar, unless the sender is dropped first.
    display: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    pub(crate) fn new(length: usize, messages: Messages) -> Self {
        let bar = ProgressBar::with_draw_target(Some(length as u64), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{bar:40} {pos} of {len}");
        let bar = match style {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        };
        Self {
            display: messages
                .may_animate()
                .then(|| display(bar.clone()))
                .flatten(),
            bar,
        }
    }

    /// Counts one more item as done.
    pub(crate) fn advance(&self) {
        self.bar.inc(1);
    }

    /// Removes the bar, as dropping it does.
    pub(crate) fn finish(self) {}
}

/// Starts a thread that shows the bar after [`DELAY`]. `None` if no thread can be started.
fn display(bar: ProgressBar) -> Option<(Sender<()>, JoinHandle<()>)> {
    let (sender, end) = channel();
    let thread = thread::Builder::new().spawn(move || show_late(&bar, &end));
    Some((sender, thread.ok()?))
}

fn show_late(bar: &ProgressBar, end: &Receiver<()>) {
    if end.recv_timeout(DELAY) == Err(RecvTimeoutError::Timeout) {
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.tick();
        wait_for_signals(bar, end);
    }
}

/// Erases the bar when a signal ends or stops the process, until the work ends.
#[cfg(unix)]
fn wait_for_signals(bar: &ProgressBar, end: &Receiver<()>) {
    // Without handlers a signal leaves the bar behind, which is no reason to fail.
    let Ok(mut signals) = Signals::catch() else {
        return;
    };
    while end.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        for signal in signals.pending().filter(|&signal| signal != SIGCONT) {
            // The bar is drawn again if the process is continued.
            bar.suspend(|| drop(act_by_default(signal)));
        }
    }
}

#[cfg(not(unix))]
fn wait_for_signals(_: &ProgressBar, _: &Receiver<()>) {}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.display.take() {
            drop(sender);
            // The bar must not appear after it is cleared. A thread that panicked shows nothing.
            let _ = thread.join();
        }
        self.bar.finish_and_clear();
    }
}
