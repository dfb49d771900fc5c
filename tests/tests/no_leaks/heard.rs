//! Everything that goes to a log, through `log` or `tracing`, at the most verbose level.

use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};

use log::{LevelFilter, Log, Metadata, Record};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};

static LINES: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());
static ONCE: Once = Once::new();

/// Starts to record.
pub(crate) fn listen() {
    ONCE.call_once(|| {
        log::set_logger(&Listener).unwrap();
        log::set_max_level(LevelFilter::Trace);
        tracing::subscriber::set_global_default(Listener).unwrap();
    });
}

/// The target and the text of each line, without those that [`is_dump`] accepts.
pub(crate) fn lines() -> Vec<(String, String)> {
    let mut lines = all_lines();
    lines.retain(|(who, _)| !is_dump(who));
    lines
}

/// The same, with the dump of `ureq`.
pub(crate) fn all_lines() -> Vec<(String, String)> {
    LINES.lock().unwrap().clone()
}

/// The target in `ureq_proto` that a program has to drop if it logs at `trace` without the feature
/// `quiet-log`.
pub(crate) fn is_dump(who: &str) -> bool {
    who == "ureq_proto::util"
}

struct Listener;

impl Log for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = (record.target().to_owned(), record.args().to_string());
        LINES.lock().unwrap().push(line);
    }

    fn flush(&self) {}
}

impl Subscriber for Listener {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mut text = Text::default();
        span.record(&mut text);
        text.keep(span.metadata());
        Id::from_u64(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, values: &tracing::span::Record<'_>) {
        let mut text = Text::default();
        values.record(&mut text);
        LINES.lock().unwrap().push(("a span".to_owned(), text.0));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        text.keep(event.metadata());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn keep(self, metadata: &tracing::Metadata<'_>) {
        let line = (metadata.target().to_owned(), self.0);
        LINES.lock().unwrap().push(line);
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}
