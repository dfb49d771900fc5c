//! Spans and events of the feature `tracing`. They need a process of their own: `tracing` caches per
//! process whether any subscriber listens, and unobserved work would change that.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

mod recorder;
mod spans;
