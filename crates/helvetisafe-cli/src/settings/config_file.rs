//! The configuration file: its profiles, and the one that it makes the default.

use std::env;
use std::io::Read;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::config_text;
use super::flags::SettingsArgs;
use super::spec::{SPECS, Setting};
use crate::failure::Failure;
use crate::fs::{Access, destination, path_variable, private_file, xdg_folder};
use crate::ui::toml_mistake::Mistake;

/// The name of the profile that is used by default.
const DEFAULT: &str = "default";

/// The configuration file as it was read.
#[derive(Clone)]
pub(crate) struct ConfigFile {
    pub(crate) file: PathBuf,
    /// The whole text; empty if there is no file.
    pub(super) text: String,
    /// The profile that `default_profile` names.
    pub(super) default: Option<String>,
    pub(super) profiles: Table,
    is_insecure_allowed: bool,
}

impl ConfigFile {
    /// Reads the selected file. `None` if none is selected, and the default file does not exist.
    pub(super) fn load(args: &SettingsArgs) -> Result<Option<Self>, Failure> {
        let default_file = || default_file().filter(|file| file.exists());
        let file = selected_file(args).or_else(default_file);
        file.map(|file| {
            let is_insecure_allowed = is_insecure_allowed(args);
            let text = text(&file, is_insecure_allowed)?;
            Self::parse(file, text, is_insecure_allowed)
        })
        .transpose()
    }

    /// Reads the file that the user selects to be changed. It need not exist.
    pub(crate) fn load_to_change(args: &SettingsArgs) -> Result<Self, Failure> {
        let file = selected_file(args).or_else(default_file).ok_or_else(|| {
            Failure::usage(
                "there is no home folder for the configuration file; name it with --config",
            )
        })?;
        let is_insecure_allowed = is_insecure_allowed(args);
        let text = present(&file, is_insecure_allowed)?;
        Self::parse(file, text, is_insecure_allowed)
    }

    /// Parses the text of the file.
    pub(super) fn parse(
        file: PathBuf,
        text: String,
        is_insecure_allowed: bool,
    ) -> Result<Self, Failure> {
        let mut config = parse(&text, &file)?;
        Ok(Self {
            default: take_default(&mut config, &file)?,
            profiles: take_profiles(config, &file)?,
            is_insecure_allowed,
            file,
            text,
        })
    }

    /// Returns the same file with another text.
    pub(super) fn with_text(&self, text: String) -> Result<Self, Failure> {
        Self::parse(self.file.clone(), text, self.is_insecure_allowed)
    }

    /// Writes the changed file. Fails if another program has changed it since it was read.
    pub(super) fn replace_by(&self, changed: &Self) -> Result<(), Failure> {
        if present(&self.file, self.is_insecure_allowed)? != self.text {
            return Err(Failure::other(format_args!(
                "another program has changed {} meanwhile, so it was not written; run the command again",
                self.file.display()
            )));
        }
        destination::write(&self.file, changed.text.as_bytes(), Access::default()).map(drop)
    }

    /// Makes a profile the default one, in the file.
    pub(crate) fn set_default(&self, name: &str) -> Result<(), Failure> {
        if !self.has(name) {
            return Err(self.unknown_profile(name));
        }
        let text = config_text::with_default(&self.text, Some(name));
        let changed = self.with_text(text.ok_or_else(|| self.other_form())?)?;
        self.replace_by(&changed)
    }

    /// The failure to change a file with profiles that have no header.
    pub(super) fn other_form(&self) -> Failure {
        Failure::usage(format_args!(
            "{} has its profiles in a form that cannot be changed; write them as [profiles.NAME]",
            self.file.display()
        ))
    }

    /// Returns true if there is a profile of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.profiles.contains_key(name)
    }

    /// Returns the name of the profile that is used if the user selects `name`.
    pub(super) fn name_or_default(&self, name: Option<String>) -> String {
        let name = name.or_else(|| self.default.clone());
        name.unwrap_or_else(|| DEFAULT.to_owned())
    }

    pub(super) fn unknown_profile(&self, name: &str) -> Failure {
        let names: Vec<_> = self.profiles.keys().map(String::as_str).collect();
        Failure::usage(format_args!(
            "there is no profile `{name}` in {}; its profiles are: {}",
            self.file.display(),
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            }
        ))
    }
}

/// Returns the content of the file, empty if there is none.
fn present(file: &Path, is_insecure_allowed: bool) -> Result<String, Failure> {
    match file.exists() {
        true => text(file, is_insecure_allowed),
        false => Ok(String::new()),
    }
}

/// Reads the file, without the byte order mark that editors of Windows put before it.
fn text(file: &Path, insecure_permissions: bool) -> Result<String, Failure> {
    let mut text = String::new();
    private_file::open("the configuration file", file, insecure_permissions)?
        .read_to_string(&mut text)
        .map_err(|error| {
            Failure::usage(format_args!(
                "cannot read the configuration file {}: {error}; check that it is a text file in UTF-8",
                file.display()
            ))
        })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

/// Parses the file. Messages never quote it, since it may hold a secret after all.
fn parse(text: &str, file: &Path) -> Result<Table, Failure> {
    text.parse().map_err(|error: toml::de::Error| {
        let mistake = Mistake::of(text, &error);
        let what = match mistake.repeated {
            Some(_) => "repeats a key or a table at",
            None => "is not TOML at",
        };
        Failure::usage(format_args!(
            "the configuration file {} {what} line {}; fix it",
            file.display(),
            mistake.line
        ))
    })
}

fn take_default(config: &mut Table, file: &Path) -> Result<Option<String>, Failure> {
    match config.remove("default_profile") {
        None => Ok(None),
        Some(Value::String(name)) => Ok(Some(name)),
        Some(_) => Err(Failure::usage(format_args!(
            "default_profile in {} is not a text; put the name of a profile in quotes",
            file.display()
        ))),
    }
}

fn take_profiles(mut config: Table, file: &Path) -> Result<Table, Failure> {
    let profiles = config.remove("profiles");
    if let Some(key) = config.keys().next() {
        return Err(Failure::usage(format_args!(
            "{key} in {} is neither default_profile nor in a profile; put settings under \
             [profiles.NAME]",
            file.display()
        )));
    }
    match profiles {
        None => Ok(Table::new()),
        Some(Value::Table(profiles)) => Ok(profiles),
        Some(_) => Err(Failure::usage(format_args!(
            "profiles in {} is not a table; write [profiles.NAME]",
            file.display()
        ))),
    }
}

fn selected_file(args: &SettingsArgs) -> Option<PathBuf> {
    let file = args.config.clone();
    file.or_else(|| path_variable("HELVETISAFE_CONFIG"))
}

pub(super) fn default_file() -> Option<PathBuf> {
    Some(xdg_folder("XDG_CONFIG_HOME", ".config")?.join("helvetisafe/config.toml"))
}

/// Returns true if other users may read the file. Only a flag and a variable count, since the file is not read yet.
fn is_insecure_allowed(args: &SettingsArgs) -> bool {
    let spec = SPECS
        .iter()
        .find(|it| it.setting == Setting::InsecurePermissions);
    let flag = spec.and_then(|spec| args.flags.get(spec.flag?));
    let variable = || spec.and_then(|spec| env::var_os(spec.variable?));
    flag.is_some() || variable().is_some_and(|value| value == "true")
}

#[cfg(test)]
impl ConfigFile {
    /// Creates a file that was read with this text.
    pub(super) fn for_test(file: PathBuf, text: &str) -> Self {
        Self::parse(file, text.to_owned(), true).unwrap()
    }
}
