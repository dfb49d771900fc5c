//! Throughput and latency of the vault, from outside: `run.sh` builds and starts it.
//!
//! It starts processes of `helvetisafe-server`, sends them requests over loopback, and prints tables in Markdown.
//! The load generator is one thread with plain HTTP. It seals nothing, since the vault does not open what it stores.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark fails loudly"
)]

mod connection;
mod keys;
mod large;
mod load;
mod matrix;
mod nodes;
mod options;
mod processor;
mod requests;
mod start;
mod vault;

use std::fs;

use options::{Mode, Options};

fn main() {
    let Some(options) = Options::parse(std::env::args().skip(1)) else {
        eprintln!("{}", options::USAGE);
        std::process::exit(2);
    };
    println!("Load average before: {}\n", load_average());
    match options.mode {
        Mode::Matrix => matrix::run(&options),
        Mode::Nodes => nodes::run(&options),
        Mode::Large => large::run(&options),
        Mode::Start => start::run(&options),
        Mode::Keys => keys::run(&options),
    }
    println!("\nLoad average after: {}", load_average());
}

/// Returns the load of the machine in the last 1, 5 and 15 minutes.
fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let three: Vec<_> = text.split(' ').take(3).collect();
    three.join(", ")
}
