//! A failure that lasts: it is reported once, and so is its end.

use std::time::{Duration, Instant};

use super::expiry::time_in_words;

/// The message and the beginning of a failure, if one lasts.
#[derive(Default)]
pub(crate) struct Lasting(Option<(String, Instant)>);

impl Lasting {
    /// Notes a failure. Returns true if its message is not the one that already lasts, so that it must be reported.
    pub(crate) fn begin(&mut self, message: &str) -> bool {
        let since = self
            .0
            .as_ref()
            .map_or_else(Instant::now, |(_, since)| *since);
        let last = self.0.replace((message.to_owned(), since));
        last.is_none_or(|(last, _)| last != message)
    }

    /// Notes a success. Returns for how long the failures before it lasted.
    pub(crate) fn end(&mut self) -> Option<String> {
        let (_, since) = self.0.take()?;
        Some(in_words(since.elapsed()))
    }
}

/// Describes the duration of a failure: `3 minutes`.
pub(crate) fn in_words(time: Duration) -> String {
    time_in_words(time.as_secs().try_into().unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_and_its_end_are_reported_once() {
        let mut lasting = Lasting::default();
        assert_eq!(lasting.end(), None);
        assert!(lasting.begin("down"));
        assert!(!lasting.begin("down"));
        assert!(lasting.begin("slow"), "another cause");
        assert_eq!(lasting.end().as_deref(), Some("0 seconds"));
        assert_eq!(lasting.end(), None);
        assert!(lasting.begin("slow"), "a new failure");
    }
}
