//! What the feature `tracing` adds. A program of its own: whether a place in the code is listened to
//! is known to the whole process, and work that nobody listens to would change it meanwhile.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

mod listener;
#[allow(dead_code, reason = "shared with the tests of behaviour")]
#[path = "../behaviour/proxy.rs"]
mod proxy;
mod spans;
#[allow(dead_code, reason = "shared with the tests of behaviour")]
#[path = "../behaviour/world.rs"]
mod world;
