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
use super::spec::{SPECS, Setting, SettingSpec, ValueKind, instead_of_plain};
use crate::failure::Failure;
use crate::fs::{path_variable, private_file, xdg_folder};
use crate::ui::similar::nearest;

/// The flag and the variable that name a profile.
const FLAG: &str = "--profile";
const VARIABLE: &str = "HELVETISAFE_PROFILE";

/// The name of the profile that is used by default.
const DEFAULT: &str = "default";

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
        let (selected_name, named_by) = selected_name(args)?.unzip();
        let default_file = || default_file().filter(|file| file.exists());
        let Some(file) = selected_file(args).or_else(default_file) else {
            return no_file(selected_name);
        };
        let mut config = read(&file, is_insecure_allowed(args))?;
        let default = take_default(&mut config, &file)?;
        let mut profiles = take_profiles(config, &file)?;
        let Some(name) = selected_name.or(default) else {
            let entries = profiles.remove(DEFAULT);
            return entries
                .map(|entries| Self::new(file, DEFAULT.to_owned(), None, entries))
                .transpose();
        };
        match profiles.remove(&name) {
            Some(entries) => Self::new(file, name, named_by, entries).map(Some),
            None => Err(unknown_profile(&file, &name, &profiles)),
        }
    }

    /// Reads all profiles of the file, and returns the name of the one that is used. Both are none without a
    /// file.
    pub(crate) fn load_all(args: &SettingsArgs) -> Result<(Vec<Self>, Option<String>), Failure> {
        let (selected_name, named_by) = selected_name(args)?.unzip();
        let default_file = || default_file().filter(|file| file.exists());
        let Some(file) = selected_file(args).or_else(default_file) else {
            return no_file(selected_name).map(|_| (Vec::new(), None));
        };
        let mut config = read(&file, is_insecure_allowed(args))?;
        let default = take_default(&mut config, &file)?;
        let profiles = take_profiles(config, &file)?;
        let used = selected_name
            .or(default)
            .unwrap_or_else(|| DEFAULT.to_owned());
        let profiles = profiles.into_iter();
        let profiles = profiles.map(|(name, it)| Self::new(file.clone(), name, named_by, it));
        Ok((profiles.collect::<Result<_, _>>()?, Some(used)))
    }

    /// Returns the names of all profiles; none if the file cannot be used.
    pub(crate) fn names(args: &SettingsArgs) -> Vec<String> {
        let Ok((profiles, _)) = Self::load_all(args) else {
            return Vec::new();
        };
        profiles.into_iter().map(|profile| profile.name).collect()
    }

    fn new(
        file: PathBuf,
        name: String,
        named_by: Option<&'static str>,
        entries: Value,
    ) -> Result<Self, Failure> {
        let Value::Table(entries) = entries else {
            return Err(Failure::usage(format_args!(
                "the profile `{name}` in {} is not a table; begin it with [profiles.{name}]",
                file.display()
            )));
        };
        let profile = Self {
            file,
            name,
            named_by,
            entries,
        };
        profile.check_keys()?;
        Ok(profile)
    }

    /// Returns the value of a key that is a text.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.entries.get(key)?.as_str()
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

/// Reads and parses the file.
fn read(file: &Path, insecure_permissions: bool) -> Result<Table, Failure> {
    parse(&text(file, insecure_permissions)?, file)
}

/// Reads the file.
pub(super) fn text(file: &Path, insecure_permissions: bool) -> Result<String, Failure> {
    let mut text = String::new();
    private_file::open("the configuration file", file, insecure_permissions)?
        .read_to_string(&mut text)
        .map_err(|error| {
            Failure::usage(format_args!(
                "cannot read the configuration file {}: {error}",
                file.display()
            ))
        })?;
    Ok(text)
}

/// Parses the file. Messages never quote it, since it may hold a secret after all.
pub(super) fn parse(text: &str, file: &Path) -> Result<Table, Failure> {
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

/// Returns the names of the profiles.
pub(super) fn names(mut config: Table, file: &Path) -> Result<Vec<String>, Failure> {
    take_default(&mut config, file)?;
    let profiles = take_profiles(config, file)?;
    Ok(profiles.into_iter().map(|(name, _)| name).collect())
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

/// Returns the name that the user selects, and the flag or the variable that does.
fn selected_name(args: &SettingsArgs) -> Result<Option<(String, &'static str)>, Failure> {
    if let Some(name) = &args.profile {
        return Ok(Some((name.clone(), FLAG)));
    }
    Ok(text_variable(VARIABLE)?.map(|name| (name, VARIABLE)))
}

fn selected_file(args: &SettingsArgs) -> Option<PathBuf> {
    let file = args.config.clone();
    file.or_else(|| path_variable("HELVETISAFE_CONFIG"))
}

/// Returns the file and the name for a new profile; no name if the user selects none.
pub(super) fn place(args: &SettingsArgs) -> Result<(PathBuf, Option<String>), Failure> {
    let file = selected_file(args).or_else(default_file);
    let file = file.ok_or_else(|| {
        Failure::usage("there is no home folder for the configuration file; name it with --config")
    })?;
    let name = selected_name(args)?.map(|(name, _)| name);
    Ok((file, name))
}

fn default_file() -> Option<PathBuf> {
    Some(xdg_folder("XDG_CONFIG_HOME", ".config")?.join("helvetisafe/config.toml"))
}

/// Returns whether other users may read the file. Only a flag and a variable count, since the file is not read yet.
pub(super) fn is_insecure_allowed(args: &SettingsArgs) -> bool {
    let spec = SPECS
        .iter()
        .find(|it| it.setting == Setting::InsecurePermissions);
    let flag = spec.and_then(|spec| args.flags.get(spec.flag?));
    let variable = || spec.and_then(|spec| env::var_os(spec.variable?));
    flag.is_some() || variable().is_some_and(|value| value == "true")
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
