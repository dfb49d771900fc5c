//! The administration of an organization, for both clients, with a vault in memory that a test makes hostile by a change
//! of its state.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails loudly")]

mod hostile;
mod life;
mod people;
mod rotation;
mod vault;
