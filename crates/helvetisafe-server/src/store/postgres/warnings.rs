//! The warnings of the server, which the driver passes to the crate `tracing` alone.
//!
//! One of them matters: if an administrator ends the wait for a standby, the server commits, warns, and answers as if
//! the standby had confirmed.

use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::LazyLock;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber, dispatcher};

/// The target of the driver's events for warnings.
const TARGET: &str = "sqlx::postgres::notice";

thread_local! {
    /// The last warning of the future that this thread polls.
    static WARNING: RefCell<Option<String>> = const { RefCell::new(None) };
}

static DISPATCH: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Warnings));

/// Runs a future. Returns its output, and the warning of a commit that did not wait for its standby, if there was one.
pub(super) async fn with_warning<F: Future>(future: F) -> (F::Output, Option<String>) {
    let mut future = pin!(future);
    let mut last = None;
    let output = poll_fn(|context| {
        let polled = dispatcher::with_default(&DISPATCH, || future.as_mut().poll(context));
        last = WARNING.take().or(last.take());
        polled
    });
    let output = output.await;
    (output, last.filter(|text| is_of_replication(text)))
}

/// Returns true for the warning "canceling wait for synchronous replication …". The server may translate it. Each
/// translation has a form of "replication", or letters outside ASCII.
fn is_of_replication(text: &str) -> bool {
    let text = text.to_lowercase();
    !text.is_ascii() || text.contains("replic") || text.contains("replik")
}

/// A subscriber of these events.
struct Warnings;

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == TARGET && *metadata.level() == Level::WARN
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Text);
    }

    /// The driver has no spans here.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Reads the text of an event.
struct Text;

impl Visit for Text {
    fn record_str(&mut self, _: &Field, text: &str) {
        WARNING.set(Some(text.to_owned()));
    }

    fn record_debug(&mut self, _: &Field, text: &dyn fmt::Debug) {
        WARNING.set(Some(format!("{text:?}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_without_its_standby_is_noticed_in_any_language() {
        for (text, expected) in [
            (
                "canceling wait for synchronous replication due to user request",
                true,
            ),
            (
                "storniere Warten auf synchrone Replikation wegen Benutzeraufforderung",
                true,
            ),
            ("пользователь отменил ожидание", true),
            (
                "database \"a\" must be vacuumed within 9 transactions",
                false,
            ),
        ] {
            assert_eq!(is_of_replication(text), expected, "{text}");
        }
    }
}
