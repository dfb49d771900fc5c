//! Tests of `helvetisafe-server serve` and the commands beside it: real processes, sockets, certificates and signals.

#![cfg(unix)]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly, its helpers too"
)]

mod audit;
mod backups;
mod certificates;
mod check;
mod contents;
mod copies;
mod deployment;
mod drain;
#[cfg(target_os = "linux")]
mod full_database;
mod full_disk;
mod hostile;
mod init;
mod interruptions;
mod load_balancer;
mod metrics;
mod migrations;
mod postgres;
mod process;
mod proxies;
mod reload;
mod settings;
mod slow_peers;
#[cfg(target_os = "linux")]
mod small_disk;
mod state;
mod systemd;
mod tables;
mod tls;
mod waiting;
