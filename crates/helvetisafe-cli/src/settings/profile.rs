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

use std::env;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::entry::{Entry, NOT_A_PATH, Origin, RawValue, is_path};
use super::flags::SettingsArgs;
use super::spec::{SPECS, SettingSpec, ValueKind, instead_of_plain};
use crate::failure::Failure;
use crate::fs::{path_variable, private_file, xdg_folder};
use crate::ui::similar::nearest;

/// The name of the profile that is used by default.
const DEFAULT: &str = "default";

/// A profile, and the file that it is in.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) file: PathBuf,
    pub(crate) name: String,
    entries: Table,
}

impl Profile {
    /// Reads the selected profile. `None` if no file and no profile is selected, and the default file does
    /// not exist or has no profile `default`.
    pub(super) fn load(args: &SettingsArgs) -> Result<Option<Self>, Failure> {
        let selected_name = match &args.profile {
            Some(name) => Some(name.clone()),
            None => text_variable("HELVETISAFE_PROFILE")?,
        };
        let selected_file = args.config.clone();
        let selected_file = selected_file.or_else(|| path_variable("HELVETISAFE_CONFIG"));
        let default_file = || default_file().filter(|file| file.exists());
        let Some(file) = selected_file.or_else(default_file) else {
            return no_file(selected_name);
        };
        let mut config = read(&file, args.insecure_permissions)?;
        let default = take_default(&mut config, &file)?;
        let mut profiles = take_profiles(config, &file)?;
        let Some(name) = selected_name.or(default) else {
            let entries = profiles.remove(DEFAULT);
            return entries
                .map(|entries| Self::new(file, DEFAULT.to_owned(), entries))
                .transpose();
        };
        match profiles.remove(&name) {
            Some(entries) => Self::new(file, name, entries).map(Some),
            None => Err(unknown_profile(&file, &name, &profiles)),
        }
    }

    /// Returns the names of all profiles; none if the file cannot be used.
    pub(crate) fn names(args: &SettingsArgs) -> Vec<String> {
        let file = args.config.clone();
        let file = file.or_else(|| path_variable("HELVETISAFE_CONFIG"));
        let profiles = file.or_else(default_file).and_then(|file| {
            let config = read(&file, args.insecure_permissions).ok()?;
            take_profiles(config_without_default(config), &file).ok()
        });
        profiles.map_or_else(Vec::new, |profiles| {
            profiles.into_iter().map(|(name, _)| name).collect()
        })
    }

    fn new(file: PathBuf, name: String, entries: Value) -> Result<Self, Failure> {
        let Value::Table(entries) = entries else {
            return Err(Failure::usage(format_args!(
                "the profile `{name}` in {} is not a table; begin it with [profiles.{name}]",
                file.display()
            )));
        };
        let profile = Self {
            file,
            name,
            entries,
        };
        profile.check_keys()?;
        Ok(profile)
    }

    /// Returns the entry for a setting.
    pub(super) fn entry(&self, spec: &SettingSpec) -> Result<Option<Entry>, Failure> {
        let Some((key, value)) = spec
            .profile
            .and_then(|key| Some((key, self.entries.get(key)?)))
        else {
            return Ok(None);
        };
        let value = match (spec.kind, value) {
            // An empty text counts as unset, as an empty variable does.
            (ValueKind::Text | ValueKind::Path, Value::String(text)) if text.is_empty() => {
                return Ok(None);
            }
            (ValueKind::Text, Value::String(text)) => RawValue::Text(text.clone()),
            (ValueKind::Text, Value::Integer(number)) => RawValue::Text(number.to_string()),
            (ValueKind::Switch, Value::Boolean(value)) => RawValue::Text(value.to_string()),
            (ValueKind::Switch, _) => {
                let why = "is neither true nor false; write one of them, without quotes";
                return Err(self.refused(key, why));
            }
            (ValueKind::Path, Value::String(path)) if is_path(path) => {
                RawValue::Path(self.path(path))
            }
            (ValueKind::Path, Value::String(_)) => return Err(self.refused(key, NOT_A_PATH)),
            (ValueKind::Command, Value::Array(argv)) => RawValue::Command(self.command(key, argv)?),
            (ValueKind::Command, _) => return Err(self.not_an_array(key)),
            _ => return Err(self.refused(key, "is not a text; put it in quotes")),
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

    fn command(&self, key: &str, argv: &[Value]) -> Result<Vec<String>, Failure> {
        let argv: Option<Vec<String>> = argv
            .iter()
            .map(|word| word.as_str().map(str::to_owned))
            .collect();
        argv.filter(|argv| !argv.is_empty())
            .ok_or_else(|| self.not_an_array(key))
    }

    fn not_an_array(&self, key: &str) -> Failure {
        let why =
            "is not a list of words; no shell is run, so write it like [\"pass\", \"show\", \"x\"]";
        self.refused(key, why)
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

/// Reads the file. Messages never quote it, since it may hold a secret after all.
fn read(file: &Path, insecure_permissions: bool) -> Result<Table, Failure> {
    let mut text = String::new();
    private_file::open("the configuration file", file, insecure_permissions)?
        .read_to_string(&mut text)
        .map_err(|error| {
            Failure::usage(format_args!(
                "cannot read the configuration file {}: {error}",
                file.display()
            ))
        })?;
    text.parse().map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = text
            .bytes()
            .take(start)
            .filter(|&byte| byte == b'\n')
            .count()
            + 1;
        Failure::usage(format_args!(
            "the configuration file {} is not TOML at line {line}; fix it",
            file.display()
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

fn config_without_default(mut config: Table) -> Table {
    config.remove("default_profile");
    config
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

fn unknown_profile(file: &Path, name: &str, profiles: &Table) -> Failure {
    let names: Vec<_> = profiles.keys().map(String::as_str).collect();
    Failure::usage(format_args!(
        "there is no profile `{name}` in {}; its profiles are: {}",
        file.display(),
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    ))
}

fn no_file(selected_name: Option<String>) -> Result<Option<Profile>, Failure> {
    match selected_name {
        None => Ok(None),
        Some(name) => Err(Failure::usage(format_args!(
            "the profile `{name}` is selected, but there is no configuration file; write {}, or \
             give one with --config",
            default_file().map_or("one".to_owned(), |file| file.display().to_string())
        ))),
    }
}

fn default_file() -> Option<PathBuf> {
    Some(xdg_folder("XDG_CONFIG_HOME", ".config")?.join("helvetisafe/config.toml"))
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
