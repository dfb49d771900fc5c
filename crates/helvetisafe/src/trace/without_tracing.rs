//! Nothing in place of the spans and events, without the feature `tracing`.

use std::time::Duration;

use http::{Response, Uri};

use crate::error::Error;
use crate::event::{CallInfo, Event};
use crate::http::TransportError;

pub(crate) struct OperationSpan;

impl OperationSpan {
    pub(crate) fn new(_: &str, _: Option<&str>) -> Self {
        Self
    }

    pub(crate) fn is_enabled(&self) -> bool {
        false
    }

    pub(crate) fn instrument<F: Future>(&self, work: F) -> F {
        work
    }

    pub(crate) fn end(&self, _: Option<&Error>, _: Duration) {}
}

pub(crate) struct RequestSpan;

impl RequestSpan {
    pub(crate) fn new(_: &CallInfo<'_>, _: u32, _: &Uri) -> Self {
        Self
    }

    pub(crate) fn instrument<F: Future>(&self, work: F) -> F {
        work
    }

    pub(crate) fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        work()
    }

    pub(crate) fn end(&self, _: &Result<Response<Vec<u8>>, TransportError>) {}
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
