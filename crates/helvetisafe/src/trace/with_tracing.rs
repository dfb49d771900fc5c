//! The spans and events, with the feature `tracing`.

use std::fmt::Display;
use std::time::Duration;

use helvetisafe_proto::KeyName;
use http::{Response, Uri};
use tracing::field::{DisplayValue, Empty, display};
use tracing::instrument::Instrumented;
#[cfg(feature = "async")]
use tracing::instrument::{WithDispatch, WithSubscriber};
use tracing::{Dispatch, Instrument, Level, Span, debug, dispatcher, enabled, info_span, warn};

use crate::error::Error;
use crate::event::{CallInfo, Event, HiddenKey};
use crate::http::TransportError;

const TARGET: &str = "helvetisafe";

/// Makes the span of an operation: the name of a span has to be a constant.
macro_rules! operation_span {
    ($operation:expr, $($name:literal)*) => {
        match $operation {
            $($name => info_span!(
                target: TARGET, $name, key = Empty, outcome = Empty, duration = Empty,
                error.type = Empty, otel.status_code = Empty,
            ),)*
            other => info_span!(
                target: TARGET, "operation", otel.name = other, key = Empty, outcome = Empty,
                duration = Empty, error.type = Empty, otel.status_code = Empty,
            ),
        }
    };
}

/// The span of an operation, or of a call outside of one.
pub(crate) struct OperationSpan(Span);

impl OperationSpan {
    pub(crate) fn new(operation: &str, key: Option<&str>) -> Self {
        let span = operation_span!(
            operation,
            "secrets.get" "secrets.get_field" "secrets.get_with_fields" "secrets.exists"
            "secrets.list" "secrets.create" "secrets.update" "secrets.update_if_unchanged"
            "secrets.put" "secrets.create_fields" "secrets.update_fields" "secrets.set_field"
            "secrets.update_fields_if_unchanged" "secrets.update_field" "secrets.copy" "secrets.copy_over"
            "secrets.copy_if_unchanged" "secrets.delete" "token.fetch" "org_key.get" "private_key.get"
        );
        // Another text may be a value in place of the name.
        if enabled!(target: TARGET, Level::DEBUG)
            && let Some(Ok(key)) = key.map(KeyName::parse)
        {
            span.record("key", key.as_str());
        }
        Self(span)
    }

    /// Returns true if a subscriber wants the span.
    pub(crate) fn is_enabled(&self) -> bool {
        !self.0.is_disabled()
    }

    pub(crate) fn instrument<F: Future>(&self, work: F) -> Instrumented<F> {
        work.instrument(self.0.clone())
    }

    /// Records the outcome, and the duration in seconds.
    pub(crate) fn end(&self, error: Option<&Error>, after: Duration) {
        self.0.record("duration", after.as_secs_f64());
        self.0
            .record("outcome", if error.is_some() { "error" } else { "ok" });
        if let Some(error) = error {
            self.0.record("error.type", error.kind().name());
            self.0.record("otel.status_code", "ERROR");
        }
    }
}

/// The span of one request.
pub(crate) struct RequestSpan(Span);

impl RequestSpan {
    pub(crate) fn new(call: &CallInfo<'_>, attempt: u32, uri: &Uri) -> Self {
        let span = info_span!(
            target: TARGET, "request",
            otel.name = Empty,
            otel.kind = "client",
            http.request.method = call.method,
            url.template = call.path_template,
            server.address = uri.host(),
            server.port = uri.port_u16().or_else(|| default_port(uri)),
            http.request.resend_count = (attempt > 1).then(|| attempt - 1),
            http.response.status_code = Empty,
            error.type = Empty,
            otel.status_code = Empty,
            call.id = call.id,
        );
        if !span.is_disabled() {
            let name = format!("{} {}", call.method, call.path_template);
            span.record("otel.name", name.as_str());
        }
        Self(span)
    }

    pub(crate) fn instrument<F: Future>(&self, work: F) -> Instrumented<F> {
        work.instrument(self.0.clone())
    }

    pub(crate) fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        self.0.in_scope(work)
    }

    /// Records the status, or the failure. By the conventions a status from 400 is an error too.
    pub(crate) fn end(&self, outcome: &Result<Response<Vec<u8>>, TransportError>) {
        let error = match outcome {
            Ok(response) => {
                let status = response.status();
                self.0.record("http.response.status_code", status.as_u16());
                if !status.is_client_error() && !status.is_server_error() {
                    return;
                }
                status.as_str().to_owned()
            }
            Err(error) => format!("{:?}", error.failure()),
        };
        self.0.record("error.type", error.as_str());
        self.0.record("otel.status_code", "ERROR");
    }
}

fn default_port(uri: &Uri) -> Option<u16> {
    match uri.scheme_str()? {
        "https" => Some(443),
        _ => Some(80),
    }
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

/// Returns the name of a secret, at debug level only.
fn shown<K: Display>(key: HiddenKey<'_, K>) -> Option<DisplayValue<&K>> {
    enabled!(target: TARGET, Level::DEBUG).then(|| display(key.expose()))
}

pub(crate) fn event(event: &Event<'_>) {
    match *event {
        Event::Sending { call, attempt, .. } => debug!(
            target: TARGET,
            { call.id = call.id, attempt, http.request.method = call.method,
              url.template = call.path_template },
            "sending"
        ),
        Event::Answered {
            call,
            attempt,
            status,
            after,
            ..
        } => debug!(
            target: TARGET,
            { call.id = call.id, attempt, http.response.status_code = status,
              duration = after.as_secs_f64() },
            "answered"
        ),
        Event::Failed {
            call,
            attempt,
            error,
            after,
        } => warn!(
            target: TARGET,
            { call.id = call.id, attempt, %error, duration = after.as_secs_f64() },
            "no answer"
        ),
        Event::Waiting {
            call,
            attempt,
            time,
            throttled,
        } => warn!(
            target: TARGET,
            { call.id = call.id, attempt, ?time, throttled },
            "waiting"
        ),
        Event::CallEnded {
            call,
            attempts,
            error,
            after,
        } => debug!(
            target: TARGET,
            { call.id = call.id, call.name = call.name, attempts,
              error.type = error.map(|error| error.kind().name()),
              duration = after.as_secs_f64() },
            "call ended"
        ),
        // The span has them.
        Event::OperationEnded { .. } => {}
        Event::Authorized { life, .. } => {
            debug!(target: TARGET, { ?life }, "new access token");
        }
        Event::CacheHit { key, age } => {
            debug!(target: TARGET, { key = shown(key), ?age }, "cache hit");
        }
        Event::CacheMiss { key } => {
            debug!(target: TARGET, { key = shown(key) }, "cache miss");
        }
        Event::CacheStale { key, age, error } => warn!(
            target: TARGET,
            { key = shown(key), ?age, error.type = error.kind().name() },
            "stale value from the cache"
        ),
        Event::CacheRefreshed { key, error, after } => debug!(
            target: TARGET,
            { key = shown(key), error.type = error.map(|error| error.kind().name()),
              duration = after.as_secs_f64() },
            "cache refreshed"
        ),
        Event::InvalidTime { key, member, used } => warn!(
            target: TARGET,
            { key = shown(key), member, ?used },
            "invalid time in an answer"
        ),
    }
}
