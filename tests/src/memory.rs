//! Another process's memory, and the process whose memory is looked at: `memory-subject`.

mod client;
mod dump;
mod job;
mod subject;
mod work;

pub use dump::{Region, by_gcore, by_proc};
pub use job::Job;
pub use subject::{Stop, Subject};
pub use work::work;
