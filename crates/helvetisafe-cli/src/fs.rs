//! Files and folders: atomic writes, files for results, permissions, the state folder.

mod access;
mod atomic_file;
pub(crate) mod destination;
mod folder;
pub(crate) mod found_file;
mod own_folder;
pub(crate) mod private_file;
pub(crate) mod state_folder;
pub(crate) mod wiped;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

pub(crate) use access::Access;
pub(crate) use own_folder::OwnFolder;

/// Returns the value of a variable as a path; an empty variable counts as unset.
pub(crate) fn path_variable(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// Returns a folder of the XDG base directory specification: the one that `variable` names, else
/// `default` in the home folder. Relative paths count as unset, as the specification says. `None` without a home
/// folder.
pub(crate) fn xdg_folder(variable: &str, default: &str) -> Option<PathBuf> {
    let folder = path_variable(variable).filter(|folder| folder.is_absolute());
    let home = || env::home_dir().filter(|home| home.is_absolute());
    folder.or_else(|| Some(home()?.join(default)))
}

/// Returns the folder of a file.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Returns the text of an I/O error with its remedy. An error of this program has its own remedy.
pub(crate) fn with_remedy(error: &io::Error) -> String {
    if error.raw_os_error().is_none() {
        return error.to_string();
    }
    let remedy = match error.kind() {
        io::ErrorKind::NotFound => "check the path",
        io::ErrorKind::PermissionDenied => "check its permissions, or choose another path",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room on the disk, or choose another path"
        }
        io::ErrorKind::ReadOnlyFilesystem => "choose a path that can be written",
        io::ErrorKind::IsADirectory => "name a file, not a folder",
        _ => "check the path and its permissions",
    };
    format!("{error}; {remedy}")
}

/// As many links as Linux follows.
const MAX_LINKS: usize = 40;

/// Names a folder in an error, if that is because the folder does not exist.
pub(crate) fn named_if_missing(folder: &Path, error: io::Error) -> io::Error {
    match error.kind() {
        kind @ io::ErrorKind::NotFound => {
            let folder = folder.display();
            io::Error::new(
                kind,
                format!("the folder {folder} does not exist; make it first"),
            )
        }
        _ => error,
    }
}

/// Creates a folder and its parents with mode 0700, unless it exists.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Creates a folder and its parents, unless it exists. New folders have the access of `access`.
pub(crate) fn create_folder(path: &Path, access: Access) -> io::Result<()> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let missing: Vec<_> = path.ancestors().take_while(is_missing).collect();
    create_private_folder(path)?;
    let mut missing = missing.iter();
    missing.try_for_each(|folder| access.apply_to_folder(folder))
}
