//! Reports events to the application and to `tracing`.

use crate::event::Event;
use crate::trace;

/// The callback of [`ClientBuilder::on_event`](crate::ClientBuilder::on_event), if there is one.
pub(crate) struct Observer(Option<Box<Callback>>);

type Callback = dyn Fn(&Event<'_>) + Send + Sync;

impl Observer {
    pub(crate) const NONE: Self = Self(None);

    pub(crate) fn new(callback: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(callback)))
    }

    /// Returns true if there is a callback.
    pub(crate) fn is_set(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn emit(&self, event: Event<'_>) {
        trace::event(&event);
        if let Self(Some(callback)) = self {
            callback(&event);
        }
    }
}
