//! The command against a real vault: transcripts, a real terminal, and what must never happen.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails loudly")]

mod agent;
mod copy_and_move;
mod doctor;
#[cfg(target_os = "linux")]
mod dumpable;
mod fake;
#[cfg(unix)]
mod hostile_text;
#[cfg(unix)]
mod hostile_vault;
mod import;
mod inject;
#[cfg(unix)]
mod kept_token;
#[cfg(unix)]
mod key_source;
mod layers;
#[cfg(unix)]
mod locks;
#[cfg(unix)]
mod neighbours;
#[cfg(unix)]
mod offline;
/// The proxy of the facade's tests, which can also lose answers.
#[allow(dead_code, reason = "not all that it can do is needed here")]
#[path = "../../../helvetisafe/tests/behaviour/proxy.rs"]
mod proxy;
#[cfg(unix)]
mod run;
#[cfg(unix)]
#[path = "../../src/signals.rs"]
mod signals;
#[cfg(unix)]
mod state_folder;
mod streams;
#[cfg(unix)]
mod suggest;
mod terminal;
#[cfg(unix)]
mod timeout;
#[allow(dead_code, reason = "shared with the tests of the client")]
#[path = "../../../helvetisafe/tests/behaviour/tls_server.rs"]
mod tls_server;
mod transcript;
mod trust;
#[cfg(unix)]
mod watch;
mod words;
mod world;
mod write;
