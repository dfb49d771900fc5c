//! The removal of a profile, together with the files that `init` made for it.

use std::path::Path;

use super::config_file::ConfigFile;
use super::config_text;
use super::profile::Profile;
use super::profile_files::ProfileFiles;
use crate::failure::Failure;
use crate::signals;

/// A profile that is not removed yet.
pub(crate) struct RemovedProfile {
    pub(crate) profile: Profile,
    pub(crate) files: ProfileFiles,
    /// Set if the file makes it the default. It then has no default profile any more.
    pub(crate) was_default: bool,
    config: ConfigFile,
    changed: ConfigFile,
}

impl RemovedProfile {
    /// Fails if there is no such profile, or if it cannot be removed from the file.
    pub(crate) fn new(config: ConfigFile, name: &str) -> Result<Self, Failure> {
        let profile = Profile::find_unchecked(&config, name)?;
        let was_default = config.default.as_deref() == Some(name);
        let text = config_text::without_profile(&config.text, name);
        let text = match was_default {
            true => text.and_then(|text| config_text::with_default(&text, None)),
            false => text,
        };
        let changed = config.with_text(text.ok_or_else(|| config.other_form())?)?;
        Ok(Self {
            files: ProfileFiles::after(&profile, &config, &changed)?,
            profile,
            was_default,
            config,
            changed,
        })
    }

    /// Returns the configuration file.
    pub(crate) fn file(&self) -> &Path {
        &self.config.file
    }

    /// Removes the profile, then the files.
    pub(crate) fn remove(&self) -> Result<(), Failure> {
        signals::held(|| {
            self.config.replace_by(&self.changed)?;
            self.files.remove_unused()
        })
    }
}
