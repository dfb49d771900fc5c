//! No secret stands in any word that the crates say: not in `Debug` or `Display` of a public type,
//! not in an error or what caused it, not in an event, not in a line of a log at its most verbose.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

mod asynchronous;
mod canaries;
mod errors;
mod fake;
mod heard;
mod hostile;
mod logs;
mod sources;
mod types;
