//! The programs of PostgreSQL, and the user that may run them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::VARIABLE;

/// Returns the folder with `initdb` and `postgres`: the one that the variable names, one of `PATH`, or the newest of a
/// distribution.
pub(crate) fn folder() -> Option<PathBuf> {
    let named = std::env::var(VARIABLE).unwrap_or_default();
    match named.as_str() {
        "none" => return None,
        named if named.starts_with('/') => return Some(named.into()),
        _ => {}
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    folders.extend(versions("/usr/lib/postgresql"));
    folders.extend(versions("/opt/homebrew/opt"));
    folders.push("/usr/local/pgsql/bin".into());
    folders.into_iter().find_map(|folder| {
        // In `PATH` there may be links to some of the programs.
        let program = folder.join("initdb").canonicalize().ok()?;
        let folder = program.parent()?;
        let has_server = folder.join("postgres").is_file();
        has_server.then(|| folder.to_owned())
    })
}

/// Returns the folders of the versions below a folder, the newest first.
fn versions(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<_> = entries.map(|entry| entry.path()).collect();
    folders.sort_by_key(|folder| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let digits: String = name.chars().filter(char::is_ascii_digit).collect();
        std::cmp::Reverse(digits.parse::<u32>().unwrap_or(0))
    });
    folders
        .into_iter()
        .map(|folder| folder.join("bin"))
        .collect()
}

/// Returns the user and group for the server if this process is root, as whom PostgreSQL refuses to run.
pub(crate) fn other_user() -> Option<(u32, u32)> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    is_root.then(|| user("postgres").or_else(|| user("nobody")).unwrap())
}

fn user(name: &str) -> Option<(u32, u32)> {
    let users = fs::read_to_string(Path::new("/etc/passwd")).ok()?;
    users.lines().find_map(|line| {
        let fields: Vec<_> = line.split(':').collect();
        match fields[..] {
            [found, _, user, group, ..] if found == name => {
                Some((user.parse().ok()?, group.parse().ok()?))
            }
            _ => None,
        }
    })
}
