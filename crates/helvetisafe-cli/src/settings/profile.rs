//! A profile in the configuration file.
//!
//! ```toml
//! default_profile = "dev"
//!
//! [profiles.dev]
//! base_url = "https://vault.example"
//! client_id = "id"
//! client_secret_command = ["pass", "show", "helvetisafe/dev"]
//! private_key_path = "~/.config/helvetisafe/dev.pem"
//! ```

mod value;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::config_file::{self, ConfigFile};
use super::entry::{Entry, Origin, RawValue};
use super::flags::SettingsArgs;
use super::spec::{SPECS, Setting, SettingSpec, instead_of_plain};
use crate::failure::Failure;
use crate::ui::similar::nearest;

/// The flag and the variable that name a profile.
const FLAG: &str = "--profile";
const VARIABLE: &str = "HELVETISAFE_PROFILE";

/// A profile, and the file that it is in.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) file: PathBuf,
    pub(crate) name: String,
    /// The flag or the variable that names it; `None` for a default.
    pub(super) named_by: Option<&'static str>,
    entries: Table,
}

impl Profile {
    /// Reads the selected profile. `None` if no file and no profile is selected, and the default file does
    /// not exist or has no profile `default`.
    pub(super) fn load(args: &SettingsArgs) -> Result<Option<Self>, Failure> {
        let (name, named_by) = selected_name(args)?.unzip();
        let Some(config) = ConfigFile::load(args)? else {
            return no_file(name);
        };
        let is_needed = name.is_some() || config.default.is_some();
        let name = config.name_or_default(name);
        match is_needed || config.profiles.contains_key(&name) {
            true => Self::find(&config, &name, named_by).map(Some),
            false => Ok(None),
        }
    }

    /// Returns the profile of this name.
    pub(super) fn find(
        config: &ConfigFile,
        name: &str,
        named_by: Option<&'static str>,
    ) -> Result<Self, Failure> {
        match config.profiles.get(name) {
            Some(entries) => Self::new(&config.file, name, named_by, entries),
            None => Err(config.unknown_profile(name)),
        }
    }

    /// Returns a profile without validation, so that a command can remove or replace an invalid one.
    pub(super) fn find_unchecked(config: &ConfigFile, name: &str) -> Result<Self, Failure> {
        match config.profiles.get(name) {
            Some(entries) => Self::unchecked(&config.file, name, None, entries),
            None => Err(config.unknown_profile(name)),
        }
    }

    /// Returns all profiles of the file, without validation, and the name of the one in use. Returns neither if there is
    /// no file.
    pub(crate) fn load_all(args: &SettingsArgs) -> Result<(Vec<Self>, Option<String>), Failure> {
        let (name, named_by) = selected_name(args)?.unzip();
        let Some(config) = ConfigFile::load(args)? else {
            return no_file(name).map(|_| (Vec::new(), None));
        };
        let profiles = config.profiles.iter();
        let profiles = profiles.map(|(name, it)| Self::unchecked(&config.file, name, named_by, it));
        let profiles = profiles.collect::<Result<_, _>>()?;
        Ok((profiles, Some(config.name_or_default(name))))
    }

    /// Returns the names of all profiles; none if the file cannot be used.
    pub(crate) fn names(args: &SettingsArgs) -> Vec<String> {
        let Ok((profiles, _)) = Self::load_all(args) else {
            return Vec::new();
        };
        profiles.into_iter().map(|profile| profile.name).collect()
    }

    fn new(
        file: &Path,
        name: &str,
        named_by: Option<&'static str>,
        entries: &Value,
    ) -> Result<Self, Failure> {
        let profile = Self::unchecked(file, name, named_by, entries)?;
        profile.check_keys()?;
        Ok(profile)
    }

    pub(super) fn unchecked(
        file: &Path,
        name: &str,
        named_by: Option<&'static str>,
        entries: &Value,
    ) -> Result<Self, Failure> {
        let Value::Table(entries) = entries else {
            return Err(Failure::usage(format_args!(
                "the profile `{name}` in {} is not a table; begin it with [profiles.{name}]",
                file.display()
            )));
        };
        Ok(Self {
            file: file.to_owned(),
            name: name.to_owned(),
            named_by,
            entries: entries.clone(),
        })
    }

    /// Fails if no command could use the profile.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.check_keys()?;
        let mut specs = SPECS.iter();
        specs.try_for_each(|spec| self.entry(spec).map(drop))
    }

    /// Returns the value of a key that is a text.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.entries.get(key)?.as_str()
    }

    /// Returns the path of a key.
    pub(crate) fn path_of(&self, key: &str) -> Option<PathBuf> {
        Some(self.path(self.text(key)?))
    }

    /// Returns the file or the command with a secret.
    pub(crate) fn secret_source(&self, setting: Setting) -> Option<RawValue> {
        let mut specs = SPECS.iter().filter(|spec| spec.setting == setting);
        let entry = specs.find_map(|spec| self.entry(spec).ok().flatten());
        entry.map(|entry| entry.value)
    }

    /// Returns the entry for a setting.
    pub(super) fn entry(&self, spec: &SettingSpec) -> Result<Option<Entry>, Failure> {
        let Some((key, value)) = spec
            .profile
            .and_then(|key| Some((key, self.entries.get(key)?)))
        else {
            return Ok(None);
        };
        let Some(value) = self.value(spec, key, value)? else {
            return Ok(None);
        };
        Ok(Some(Entry {
            setting: spec.setting,
            origin: Origin::Profile {
                key,
                profile: self.name.clone(),
            },
            value,
        }))
    }

    fn check_keys(&self) -> Result<(), Failure> {
        let known = || SPECS.iter().filter_map(|spec| spec.profile);
        for key in self.entries.keys() {
            if let Some(instead) = instead_of_plain(key) {
                let why = "is a secret in plain text, which backups and other programs would read";
                return Err(self.refused(key, &format!("{why}; use {instead} instead")));
            }
            if !known().any(|known| known == key) {
                let advice = match nearest(key, known()) {
                    Some(name) => format!("did you mean {name}?"),
                    None => format!("there are {}", known().collect::<Vec<_>>().join(", ")),
                };
                return Err(self.refused(key, &format!("is not a setting; {advice}")));
            }
        }
        Ok(())
    }

    /// Resolves a path, which is relative to the file or begins with `~/`.
    fn path(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.file.parent().unwrap_or(Path::new("")).join(path),
        }
    }

    fn refused(&self, key: &str, why: &str) -> Failure {
        Failure::usage(format_args!(
            "{key} in the profile `{}` of {} {why}",
            self.name,
            self.file.display()
        ))
    }
}

fn no_file(selected_name: Option<String>) -> Result<Option<Profile>, Failure> {
    match selected_name {
        None => Ok(None),
        Some(name) => Err(Failure::usage(format_args!(
            "the profile `{name}` is selected, but there is no configuration file; write {}, or \
             give one with --config",
            config_file::default_file().map_or("one".to_owned(), |file| file.display().to_string())
        ))),
    }
}

/// Returns the name that the user selects, and the flag or the variable that does.
pub(super) fn selected_name(
    args: &SettingsArgs,
) -> Result<Option<(String, &'static str)>, Failure> {
    if let Some(name) = &args.profile {
        return Ok(Some((name.clone(), FLAG)));
    }
    Ok(text_variable(VARIABLE)?.map(|name| (name, VARIABLE)))
}

fn text_variable(name: &str) -> Result<Option<String>, Failure> {
    let value = env::var_os(name).filter(|value| !value.is_empty());
    let not_text = |_| {
        Failure::usage(format_args!(
            "the variable {name} is not valid Unicode; set it again"
        ))
    };
    value
        .map(OsString::into_string)
        .transpose()
        .map_err(not_text)
}
