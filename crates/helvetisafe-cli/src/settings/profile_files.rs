//! The files that a profile names, and those among them that `init` made.

use std::fs;
use std::path::{Path, PathBuf};

use super::config_file::ConfigFile;
use super::config_text;
use super::entry::RawValue;
use super::profile::Profile;
use super::spec::{SPECS, ValueKind};
use crate::failure::Failure;
use crate::fs::folder_of;

/// The files that a profile names, which is removed or replaced.
#[derive(Debug, Default)]
pub(crate) struct ProfileFiles {
    /// Those that `init` made for it, and that no profile needs afterwards.
    pub(crate) unused: Vec<PathBuf>,
    /// The others.
    pub(crate) left: Vec<PathBuf>,
}

impl ProfileFiles {
    /// Returns the files of a profile. `changed` is the configuration file without it, or with the one that
    /// replaces it.
    pub(super) fn after(
        profile: &Profile,
        config: &ConfigFile,
        changed: &ConfigFile,
    ) -> Result<Self, Failure> {
        let mut needed = Vec::new();
        for (name, entries) in &changed.profiles {
            let profile = Profile::unchecked(&changed.file, name, None, entries)?;
            needed.extend(paths(&profile).map(|(_, path)| real(&path)));
        }
        let made = made(profile, config);
        let is_unused = |path: &PathBuf| made.contains(path) && !needed.contains(&real(path));
        let paths = paths(profile).map(|(_, path)| path);
        let (unused, left) = paths.partition(is_unused);
        Ok(Self { unused, left })
    }

    /// Removes the unused ones.
    pub(super) fn remove_unused(&self) -> Result<(), Failure> {
        for path in &self.unused {
            fs::remove_file(path).map_err(|error| {
                Failure::other(format_args!(
                    "the profile is written, but {} cannot be removed: {error}; remove it yourself",
                    path.display()
                ))
            })?;
        }
        Ok(())
    }
}

/// Returns the files that `init` made for a profile. They are marked with the name of the
/// configuration file, and have that of the profile.
pub(super) fn made(profile: &Profile, config: &ConfigFile) -> Vec<PathBuf> {
    let (folder, prefix) = (folder_of(&config.file), format!("{}.", profile.name));
    let is_made = |(key, path): &(&str, PathBuf)| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // A link is not its work.
        let is_file = path.symlink_metadata().is_ok_and(|it| it.is_file());
        let is_named = folder_of(path) == folder && name.starts_with(&prefix);
        is_file && is_named && config_text::is_made(&config.text, &config.file, &profile.name, key)
    };
    let made = paths(profile).filter(is_made);
    made.map(|(_, path)| path).collect()
}

/// Returns the files that a profile names, each with its key. A setting that cannot be used names none.
fn paths(profile: &Profile) -> impl Iterator<Item = (&'static str, PathBuf)> {
    let specs = SPECS.iter().filter(|spec| spec.kind == ValueKind::Path);
    specs.filter_map(|spec| match profile.entry(spec).ok()??.value {
        RawValue::Path(path) => Some((spec.profile?, path)),
        _ => None,
    })
}

/// Returns a path that is the same for all names of a file.
pub(super) fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
