//! A subscriber that remembers all that it is told.

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
pub(crate) struct Said {
    /// The name of a span; empty for an event.
    pub(crate) span: &'static str,
    pub(crate) words: String,
    /// The span within which it was said.
    pub(crate) within: Option<u64>,
}

#[derive(Clone)]
pub(crate) struct Listener(Arc<Inner>);

struct Inner {
    most: Level,
    next: AtomicU64,
    said: Mutex<Vec<Said>>,
    /// Where a span stands in `said`.
    spans: Mutex<HashMap<u64, (usize, &'static Metadata<'static>)>>,
}

thread_local! {
    static WITHIN: std::cell::RefCell<Vec<u64>> = const { std::cell::RefCell::new(Vec::new()) };
}

impl Listener {
    /// Hears what is at this level or above.
    pub(crate) fn at(most: Level) -> Self {
        Self(Arc::new(Inner {
            most,
            next: AtomicU64::new(1),
            said: Mutex::default(),
            spans: Mutex::default(),
        }))
    }

    pub(crate) fn said(&self) -> Vec<Said> {
        self.0.said.lock().unwrap().clone()
    }

    /// The spans of operations, and of calls outside of them.
    pub(crate) fn spans(&self) -> Vec<Said> {
        let mut said = self.said();
        said.retain(|said| said.span.contains('.'));
        said
    }

    /// The spans of requests.
    pub(crate) fn requests(&self) -> Vec<Said> {
        let mut said = self.said();
        said.retain(|said| said.span == "request");
        said
    }

    fn keep(&self, said: Said) -> usize {
        let mut all = self.0.said.lock().unwrap();
        all.push(said);
        all.len() - 1
    }
}

fn within() -> Option<u64> {
    WITHIN.with_borrow(|within| within.last().copied())
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.0.most && metadata.target() == "helvetisafe"
            || metadata.target().starts_with("integrations")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut words = Words::default();
        span.record(&mut words);
        let at = self.keep(Said {
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
        self.0.said.lock().unwrap()[at].words += &words.0;
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words::default();
        event.record(&mut words);
        self.keep(Said {
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
