//! A bar for work that takes long.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::context::Context;

/// What is over sooner needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// A bar on standard error, which is shown only on a terminal and only once work is long.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Who shows the bar, until the sender is gone.
    shower: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    pub(crate) fn new(length: usize, context: &Context) -> Self {
        let bar = ProgressBar::with_draw_target(Some(length as u64), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{bar:40} {pos} of {len}");
        let bar = match style {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        };
        let may_show = io::stderr().is_terminal() && !context.global.quiet;
        Self {
            shower: may_show.then(|| shower(bar.clone())).flatten(),
            bar,
        }
    }

    /// One more is done.
    pub(crate) fn advance(&self) {
        self.bar.inc(1);
    }
}

/// Shows the bar after a while, also where nothing is done yet. `None` where there is no thread for
/// it: nothing depends on a bar.
fn shower(bar: ProgressBar) -> Option<(Sender<()>, JoinHandle<()>)> {
    let (sender, end) = channel();
    let thread = thread::Builder::new().spawn(move || show_late(&bar, &end));
    Some((sender, thread.ok()?))
}

fn show_late(bar: &ProgressBar, end: &Receiver<()>) {
    if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.tick();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.shower.take() {
            drop(sender);
            // Not to be shown after it is cleared. Whoever panicked shows nothing more either.
            let _ = thread.join();
        }
        self.bar.finish_and_clear();
    }
}
