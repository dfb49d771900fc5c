//! The access log: a line per request on standard error, without names of secrets, query strings or credentials.

use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::{CLIENT_GONE, Ended, Metrics};
use crate::log;

/// The number of lines that wait for standard error. Further ones are dropped and counted, since a slow reader
/// must not delay requests.
const QUEUED_LINES: usize = 4096;

/// The queue of lines.
#[derive(Clone)]
pub(crate) struct AccessLog {
    lines: SyncSender<String>,
    metrics: Arc<Metrics>,
}

impl AccessLog {
    /// Starts the thread that writes the lines. It ends when the last copy of the log is dropped.
    pub(crate) fn start(metrics: Arc<Metrics>) -> io::Result<(Self, JoinHandle<()>)> {
        let (lines, queue) = sync_channel(QUEUED_LINES);
        let thread = std::thread::Builder::new().name("helvetisafe-access-log".to_owned());
        let writer = thread.spawn(move || write_all(&queue))?;
        Ok((Self { lines, metrics }, writer))
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
        if self
            .lines
            .try_send(log::line("info", &"access", &fields))
            .is_err()
        {
            self.metrics.dropped_lines.inc();
        }
    }
}

fn write_all(queue: &Receiver<String>) {
    for mut line in queue {
        line.push('\n');
        // Without a reader there is no log.
        let _ = io::stderr().write_all(line.as_bytes());
    }
}
