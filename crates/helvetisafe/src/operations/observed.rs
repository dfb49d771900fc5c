//! Puts operations into spans and reports their ends.

use super::Operation;
use crate::error::Error;
use crate::event::{Event, EventError};
use crate::runtime::Runtime;
use crate::trace::OperationSpan;

impl<R: Runtime> Operation<'_, R> {
    /// Runs `work`, the whole of the operation `name` on the secret `key`.
    pub(super) async fn observed<T>(
        &self,
        name: &'static str,
        key: Option<&str>,
        work: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        let api = &self.vault.api;
        let span = OperationSpan::new(name, key);
        // Without an observer, the clock is not read: a read from the cache takes less than a microsecond.
        if !span.is_enabled() && !api.observer.is_set() {
            return work.await;
        }
        let begun = api.runtime.now();
        let result = span.instrument(work).await;
        let after = api.runtime.now().saturating_sub(begun);
        let error = result.as_ref().err();
        span.end(error, after);
        api.observer.emit(Event::OperationEnded {
            operation: name,
            error: error.map(EventError),
            after,
        });
        result
    }
}
