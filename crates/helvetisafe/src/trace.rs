//! Spans and events for `tracing`, with the feature of that name: a span for each call, and an event for
//! each of its steps. They hold no body and no header; names of secrets appear at debug level only.

#[cfg(all(feature = "async", feature = "tracing"))]
pub(crate) use with_tracing::in_current_span;
#[cfg(feature = "tracing")]
pub(crate) use with_tracing::{TraceContext, event, span};
#[cfg(all(feature = "async", not(feature = "tracing")))]
pub(crate) use without_tracing::in_current_span;
#[cfg(not(feature = "tracing"))]
pub(crate) use without_tracing::{TraceContext, event, span};

#[cfg(feature = "tracing")]
mod with_tracing {
    use tracing::field::Empty;
    use tracing::instrument::Instrumented;
    #[cfg(feature = "async")]
    use tracing::instrument::{WithDispatch, WithSubscriber};
    use tracing::{Dispatch, Instrument, Level, Span, debug, dispatcher, enabled, info_span, warn};

    use crate::error::Action;
    use crate::event::Event;

    /// Puts the future of a call into its span.
    pub(crate) fn span<F: Future>(action: &Action, call: F) -> Instrumented<F> {
        let span = info_span!("helvetisafe", call = name(action), key = Empty);
        if enabled!(Level::DEBUG) {
            record_key(&span, action);
        }
        call.instrument(span)
    }

    /// Ties a future to the current span and subscriber, wherever it runs.
    #[cfg(feature = "async")]
    pub(crate) fn in_current_span<F: Future>(work: F) -> WithDispatch<Instrumented<F>> {
        work.in_current_span().with_current_subscriber()
    }

    /// The span and the subscriber of a thread.
    pub(crate) struct TraceContext {
        span: Span,
        subscriber: Dispatch,
    }

    impl TraceContext {
        pub(crate) fn current() -> Self {
            Self {
                span: Span::current(),
                subscriber: dispatcher::get_default(Dispatch::clone),
            }
        }

        /// Does work on another thread in this context.
        pub(crate) fn run<T>(&self, work: impl FnOnce() -> T) -> T {
            dispatcher::with_default(&self.subscriber, || self.span.in_scope(work))
        }
    }

    fn name(action: &Action) -> &'static str {
        match action {
            Action::Configure => "configure",
            Action::FetchToken => "token",
            Action::GetOrgKey => "org-key",
            Action::GetPrivateKey => "private-key",
            Action::List => "list",
            Action::Get(_) => "get",
            Action::Create(_) => "create",
            Action::Update(_) => "update",
            Action::Delete(_) => "delete",
        }
    }

    fn record_key(span: &Span, action: &Action) {
        if let Action::Get(key) | Action::Create(key) | Action::Update(key) | Action::Delete(key) =
            action
        {
            span.record("key", key.as_str());
        }
    }

    pub(crate) fn event(event: &Event<'_>) {
        match event {
            Event::Sending {
                method,
                path,
                attempt,
                ..
            } => debug!(method, path, attempt, "sending"),
            Event::Answered { status, after, .. } => debug!(status, ?after, "answered"),
            Event::Failed { error, after } => warn!(%error, ?after, "no answer"),
            Event::Authorized { life, .. } => debug!(?life, "new access token"),
            Event::Waiting { time, throttled } => warn!(?time, throttled, "waiting"),
            Event::OddTime { member, used, .. } => warn!(member, ?used, "odd time in an answer"),
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod without_tracing {
    use crate::error::Action;
    use crate::event::Event;

    pub(crate) fn span<F: Future>(_: &Action, call: F) -> F {
        call
    }

    #[cfg(feature = "async")]
    pub(crate) fn in_current_span<F: Future>(work: F) -> F {
        work
    }

    pub(crate) struct TraceContext;

    impl TraceContext {
        pub(crate) fn current() -> Self {
            Self
        }

        pub(crate) fn run<T>(&self, work: impl FnOnce() -> T) -> T {
            work()
        }
    }

    pub(crate) fn event(_: &Event<'_>) {}
}
