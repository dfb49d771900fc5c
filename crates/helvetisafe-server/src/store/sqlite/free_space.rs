//! The free space of the disk.

use std::path::Path;

/// The free space that values must not use beside that in reserve, in bytes. It is for tokens, deletes and the write-ahead
/// log.
pub(crate) const MIN_FREE: u64 = 32 << 20;

/// Returns the space that is free for this process, in bytes. An unknown one does not limit.
#[cfg(unix)]
pub(crate) fn free_space(file: &Path) -> u64 {
    rustix::fs::statvfs(file).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
pub(crate) fn free_space(_: &Path) -> u64 {
    u64::MAX
}
