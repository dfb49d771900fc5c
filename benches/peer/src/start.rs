//! A whole process, from its start to its end.
//!
//! The measuring process is small, since the peak memory of a process includes that of its parent at the
//! fork.

use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::json;

/// Prints the time in ns, the peak memory in KiB, and the output of the process.
pub(crate) fn measure(program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    command.args(arguments).stderr(Stdio::inherit());
    let start = Instant::now();
    let output = command.output().unwrap();
    let time = start.elapsed();
    assert!(output.status.success(), "{program}: {}", output.status);
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    println!(
        "{}",
        json!({
            "ns": [time.as_nanos()],
            "peak_kib": usage.max_rss(),
            "printed": String::from_utf8(output.stdout).unwrap().trim_end(),
        })
    );
}
