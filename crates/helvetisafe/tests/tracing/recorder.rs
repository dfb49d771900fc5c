//! A subscriber that records all spans and events.

use std::collections::HashMap;
use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_core::span::Current;

/// A span or an event.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    /// The name of a span; empty for an event.
    pub(crate) span: &'static str,
    pub(crate) words: String,
    /// The enclosing span.
    pub(crate) within: Option<u64>,
}

#[derive(Clone)]
pub(crate) struct Recorder(Arc<Inner>);

struct Inner {
    most: Level,
    next: AtomicU64,
    entries: Mutex<Vec<Recorded>>,
    /// The index of each span in `entries`.
    spans: Mutex<HashMap<u64, (usize, &'static Metadata<'static>)>>,
}

thread_local! {
    static WITHIN: std::cell::RefCell<Vec<u64>> = const { std::cell::RefCell::new(Vec::new()) };
}

impl Recorder {
    /// Records this level and above.
    pub(crate) fn at(most: Level) -> Self {
        Self(Arc::new(Inner {
            most,
            next: AtomicU64::new(1),
            entries: Mutex::default(),
            spans: Mutex::default(),
        }))
    }

    pub(crate) fn entries(&self) -> Vec<Recorded> {
        self.0.entries.lock().unwrap().clone()
    }

    /// The spans of operations, and of calls outside of them.
    pub(crate) fn spans(&self) -> Vec<Recorded> {
        let mut entries = self.entries();
        entries.retain(|entry| entry.span.contains('.'));
        entries
    }

    /// The spans of requests.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        let mut entries = self.entries();
        entries.retain(|entry| entry.span == "request");
        entries
    }

    fn push(&self, entry: Recorded) -> usize {
        let mut all = self.0.entries.lock().unwrap();
        all.push(entry);
        all.len() - 1
    }
}

fn within() -> Option<u64> {
    WITHIN.with_borrow(|within| within.last().copied())
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.0.most && metadata.target() == "helvetisafe"
            || metadata.target().starts_with("integrations")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut words = Words::default();
        span.record(&mut words);
        let at = self.push(Recorded {
            span: span.metadata().name(),
            words: words.0,
            within: within(),
        });
        let id = self.0.next.fetch_add(1, Ordering::SeqCst);
        self.0
            .spans
            .lock()
            .unwrap()
            .insert(id, (at, span.metadata()));
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut words = Words::default();
        values.record(&mut words);
        let (at, _) = self.0.spans.lock().unwrap()[&span.into_u64()];
        self.0.entries.lock().unwrap()[at].words += &words.0;
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words::default();
        event.record(&mut words);
        self.push(Recorded {
            span: "",
            words: words.0,
            within: within(),
        });
    }

    fn current_span(&self) -> Current {
        let Some(id) = within() else {
            return Current::none();
        };
        let (_, metadata) = self.0.spans.lock().unwrap()[&id];
        Current::new(Id::from_u64(id), metadata)
    }

    fn enter(&self, span: &Id) {
        WITHIN.with_borrow_mut(|within| within.push(span.into_u64()));
    }

    fn exit(&self, _: &Id) {
        WITHIN.with_borrow_mut(Vec::pop);
    }
}

#[derive(Default)]
struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}
