//! Spans and events for `tracing`, with the feature of that name, on the target `helvetisafe`: a span for each
//! operation, in it a span for each request, and an event for each [`Event`](crate::Event). They hold no body and
//! no header; names of secrets appear at debug level only.
//!
//! The names of the fields are those of OpenTelemetry's conventions for HTTP clients, where these have one.

#[cfg(feature = "tracing")]
mod with_tracing;
#[cfg(not(feature = "tracing"))]
mod without_tracing;

#[cfg(all(feature = "async", feature = "tracing"))]
pub(crate) use with_tracing::in_current_span;
#[cfg(feature = "tracing")]
pub(crate) use with_tracing::{OperationSpan, RequestSpan, TraceContext, event};
#[cfg(all(feature = "async", not(feature = "tracing")))]
pub(crate) use without_tracing::in_current_span;
#[cfg(not(feature = "tracing"))]
pub(crate) use without_tracing::{OperationSpan, RequestSpan, TraceContext, event};
