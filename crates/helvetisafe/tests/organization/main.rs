//! The administration of an organization, for both clients: with a vault in memory, which a test makes hostile by a change
//! of its state, and with the vault of this project.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails loudly")]

mod enroll;
mod epochs;
mod hostile;
mod life;
mod people;
mod real;
mod rotation;
mod vault;
