//! The protection of this process's memory from other processes.

use std::io;

/// Makes this process non-dumpable: other processes of the same user can read neither its memory nor its
/// environment, they cannot attach a debugger, and it leaves no core dump. Root still can.
///
/// A program that this process starts or becomes is dumpable again, since `exec` resets the flag. A limit
/// on core dumps (`RLIMIT_CORE`) would be inherited instead.
///
/// # Errors
///
/// Those of `prctl`, which only a sandbox refuses.
#[cfg(target_os = "linux")]
pub(crate) fn protect_memory() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Only Linux supports it.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "as on Linux")]
pub(crate) fn protect_memory() -> io::Result<()> {
    Ok(())
}
