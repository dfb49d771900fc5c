//! What the features `serde` and `config` add.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails loudly")]

mod config_source;
mod parse;
#[allow(dead_code, reason = "shared with the tests of behaviour")]
#[path = "../behaviour/proxy.rs"]
mod proxy;
#[allow(dead_code, reason = "shared with the tests of behaviour")]
#[path = "../behaviour/world.rs"]
mod world;
