//! An open folder. Its files are opened in it, not by their paths, which may lead elsewhere a moment
//! later.

#[cfg(not(unix))]
mod portable;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(super) use portable::Folder;
#[cfg(unix)]
pub(super) use unix::Folder;
