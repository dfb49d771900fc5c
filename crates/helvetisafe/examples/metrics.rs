//! Counters of a client in Prometheus' text format, from its events.
//!
//! In one terminal, start a vault; in another, paste the lines that it prints, then
//!
//!     cargo run --example metrics
//!
//! A service keeps the counters and serves the text under `/metrics`. No label has the name of a secret: each name
//! would be a time series of its own.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use helvetisafe::{CachePolicy, Client, Error, ErrorKind, Event};

fn main() -> ExitCode {
    match run() {
        Ok(metrics) => {
            print!("{metrics}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<Arc<Metrics>, Error> {
    let metrics = Arc::new(Metrics::default());
    let recorder = Arc::clone(&metrics);
    let client = Client::builder_from_env()?
        .cache(CachePolicy::new(Duration::from_secs(30)))
        .on_event(move |event| recorder.record(event))
        .connect()?;
    let secrets = client.secrets();
    secrets.put("metrics_example", "s3cr3t-v@lue", None)?;
    secrets.invalidate("metrics_example");
    // The first read goes to the vault, the second does not.
    secrets.get("metrics_example")?;
    secrets.get("metrics_example")?;
    secrets.delete("metrics_example")?;
    match secrets.get("metrics_example") {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(metrics),
        outcome => outcome.map(|_| metrics),
    }
}

/// Counters by name and labels.
#[derive(Default)]
struct Metrics(Mutex<BTreeMap<String, f64>>);

impl Metrics {
    fn record(&self, event: &Event<'_>) {
        match event {
            Event::Answered {
                call,
                status,
                after,
                ..
            } => {
                let labels = format!(
                    "method=\"{}\",path=\"{}\"",
                    call.method(),
                    call.path_template()
                );
                self.add(
                    "requests_total",
                    &format!("{labels},status=\"{status}\""),
                    1.0,
                );
                self.add("request_seconds_sum", &labels, after.as_secs_f64());
            }
            Event::Failed { error, .. } => {
                let failure = format!("failure=\"{:?}\"", error.failure());
                self.add("requests_failed_total", &failure, 1.0);
            }
            Event::OperationEnded {
                operation, error, ..
            } => {
                let outcome = error.map_or("ok", |error| error.kind().name());
                let labels = format!("operation=\"{operation}\",outcome=\"{outcome}\"");
                self.add("operations_total", &labels, 1.0);
            }
            Event::CacheHit { .. } => self.add("cache_reads_total", "result=\"hit\"", 1.0),
            Event::CacheMiss { .. } => self.add("cache_reads_total", "result=\"miss\"", 1.0),
            Event::CacheStale { .. } => self.add("cache_reads_total", "result=\"stale\"", 1.0),
            _ => {}
        }
    }

    fn add(&self, name: &str, labels: &str, value: f64) {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counters
            .entry(format!("helvetisafe_{name}{{{labels}}}"))
            .or_default() += value;
    }
}

impl Display for Metrics {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counters
            .iter()
            .try_for_each(|(counter, value)| writeln!(f, "{counter} {value}"))
    }
}
