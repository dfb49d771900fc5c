//! The command against a real vault: transcripts, a real terminal, and forbidden outcomes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails loudly")]

mod agent;
#[cfg(unix)]
mod changing_vault;
mod copy_and_move;
mod doctor;
#[cfg(target_os = "linux")]
mod dumpable;
#[cfg(unix)]
mod hostile_text;
#[cfg(unix)]
mod hostile_vault;
mod import;
mod inject;
#[cfg(unix)]
mod keep_token;
#[cfg(unix)]
mod key_source;
mod layers;
#[cfg(unix)]
mod locks;
#[cfg(unix)]
mod neighbours;
#[cfg(unix)]
mod offline;
#[cfg(unix)]
mod run;
#[cfg(unix)]
mod state_folder;
mod streams;
#[cfg(unix)]
mod suggest;
#[cfg(all(unix, feature = "kubernetes"))]
mod sync;
mod terminal;
#[cfg(unix)]
mod timeout;
mod transcript;
mod trust;
#[cfg(unix)]
mod watch;
mod words;
mod world;
mod write;
