//! The process whose memory is searched, `memory-subject`, and the means to start it and to read its
//! memory.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "a test fails loudly, and this is for tests only"
)]

mod client;
mod dump;
mod job;
mod subject;
mod work;

pub use dump::{Region, by_gcore, by_proc};
pub use job::Job;
pub use subject::{Stop, Subject};
pub use work::work;
