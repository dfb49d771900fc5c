//! No text of the crates contains a secret: not `Debug` or `Display` of a public type, no error or its
//! cause, no event, and no line of the most verbose log.

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
