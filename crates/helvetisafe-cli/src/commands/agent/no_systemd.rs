//! The functions of `systemd` for builds without it, which do nothing.

use std::time::Duration;

use super::listen::{Address, Listener};
use crate::failure::Failure;

pub(super) fn ready() {}

pub(super) fn starting(_: Duration) {}

pub(super) fn reloading() {}

pub(super) fn stopping() {}

pub(super) fn start_watchdog(_: Address) {}

#[expect(clippy::unnecessary_wraps, reason = "as with systemd")]
pub(super) fn listener() -> Result<Option<Listener>, Failure> {
    Ok(None)
}
