//! Protection of this process's memory from other processes.

use std::io;

/// Makes this process non-dumpable: other processes of the same user can read neither its memory nor
/// its environment, nor attach a debugger, and it leaves no core dump. Root still can.
///
/// A program that this process starts, or becomes, is as dumpable as any other: `exec` resets it. A
/// limit on core dumps (`RLIMIT_CORE`) would be inherited instead.
///
/// # Errors
///
/// Those of `prctl`, which only a sandbox refuses.
#[cfg(target_os = "linux")]
pub(crate) fn close_to_others() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Only Linux has it.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "as on Linux")]
pub(crate) fn close_to_others() -> io::Result<()> {
    Ok(())
}
