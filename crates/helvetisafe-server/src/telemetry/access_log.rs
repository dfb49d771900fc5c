//! The access log: a line per request, without names of secrets, query strings or credentials.

use std::net::IpAddr;
use std::sync::Arc;

use super::{CLIENT_GONE, Ended, Metrics};
use crate::log;

/// The access log. Lines that were dropped are counted.
#[derive(Clone)]
pub(crate) struct AccessLog(Arc<Metrics>);

impl AccessLog {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self(metrics)
    }

    pub(super) fn write(&self, ended: &Ended, client: Option<IpAddr>) {
        let is_gone = ended.status == CLIENT_GONE;
        let code = ended.code.map(|code| code.as_str());
        let code = code.or(is_gone.then_some("client_gone"));
        let micros = (ended.seconds * 1_000_000.0).round() / 1000.0;
        let client = client.map(|client| client.to_string());
        let fields = [
            ("client", client.into()),
            ("method", ended.method.into()),
            ("route", ended.route.into()),
            ("status", ended.status.into()),
            ("code", code.into()),
            ("milliseconds", micros.into()),
        ];
        if !log::write(log::line("info", &"access", &fields)) {
            self.0.dropped_lines.inc();
        }
    }
}
