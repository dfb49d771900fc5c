//! Tests of `helvetisafe-server serve` and `check`: real processes, sockets, certificates and signals.

#![cfg(unix)]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly, its helpers too"
)]

mod certificates;
mod check;
mod deployment;
mod drain;
mod hostile;
mod metrics;
mod postgres;
mod process;
mod proxies;
mod reload;
mod settings;
mod slow_peers;
mod state;
mod systemd;
mod tls;
