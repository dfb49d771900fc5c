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
use std::io::Read;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::location::{path_variable, text_variable, usual_file};
use super::permissions::open_private;
use super::table::{Form, PLAIN_SECRETS, WAYS, Way};
use super::{Found, Given, NO_PATH, Place, is_path};
use crate::args::Global;
use crate::failure::Failure;
use crate::suggest::nearest;

/// The profile that is used when none is named.
const DEFAULT: &str = "default";

/// A profile, and the file that it is in.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) file: PathBuf,
    pub(crate) name: String,
    entries: Table,
}

impl Profile {
    /// Reads the profile that was asked for. `None` when nobody asked for a file or a profile, and
    /// the file in its usual place is not there or has no profile `default`.
    pub(super) fn load(global: &Global) -> Result<Option<Self>, Failure> {
        let asked_file = global
            .config
            .clone()
            .or_else(|| path_variable("HELVETISAFE_CONFIG"));
        let asked_name = match &global.profile {
            Some(name) => Some(name.clone()),
            None => text_variable("HELVETISAFE_PROFILE")?,
        };
        let file = match asked_file {
            Some(file) => file,
            None => match usual_file().filter(|file| file.exists()) {
                Some(file) => file,
                None => return no_file(asked_name),
            },
        };
        let mut config = read(&file, global.insecure_permissions)?;
        let default = take_default(&mut config, &file)?;
        let mut profiles = take_profiles(config, &file)?;
        let Some(name) = asked_name.or(default) else {
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

    fn new(file: PathBuf, name: String, entries: Value) -> Result<Self, Failure> {
        let Value::Table(entries) = entries else {
            return Err(Failure::usage(format_args!(
                "the profile `{name}` in {} is no table; begin it with [profiles.{name}]",
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

    /// One setting of the profile.
    pub(super) fn find(&self, way: &Way) -> Result<Option<Found>, Failure> {
        let Some((key, value)) = way
            .profile
            .and_then(|key| Some((key, self.entries.get(key)?)))
        else {
            return Ok(None);
        };
        let given = match (way.form, value) {
            // An empty text counts as unset, as an empty variable does.
            (Form::Text | Form::Path, Value::String(text)) if text.is_empty() => return Ok(None),
            (Form::Text, Value::String(text)) => Given::Text(text.clone()),
            (Form::Text, Value::Integer(number)) => Given::Text(number.to_string()),
            (Form::Switch, Value::Boolean(value)) => Given::Text(value.to_string()),
            (Form::Switch, _) => {
                let why = "is neither true nor false; write one of them, without quotes";
                return Err(self.refused(key, why));
            }
            (Form::Path, Value::String(path)) if is_path(path.as_ref()) => {
                Given::Path(self.path(path))
            }
            (Form::Path, Value::String(_)) => return Err(self.refused(key, NO_PATH)),
            (Form::Command, Value::Array(argv)) => Given::Command(self.command(key, argv)?),
            (Form::Command, _) => return Err(self.not_an_array(key)),
            _ => return Err(self.refused(key, "is no text; put it in quotes")),
        };
        Ok(Some(Found {
            setting: way.setting,
            place: Place::Profile {
                key,
                profile: self.name.clone(),
            },
            given,
        }))
    }

    fn check_keys(&self) -> Result<(), Failure> {
        let known = || WAYS.iter().filter_map(|way| way.profile);
        for key in self.entries.keys() {
            if let Some((_, ways)) = PLAIN_SECRETS.iter().find(|(plain, _)| plain == key) {
                let why = "is a secret in plain text, which backups and other programs would read";
                return Err(self.refused(key, &format!("{why}; use {ways} instead")));
            }
            if !known().any(|known| known == key) {
                let advice = match nearest(key, known()) {
                    Some(name) => format!("did you mean {name}?"),
                    None => format!("there are {}", known().collect::<Vec<_>>().join(", ")),
                };
                return Err(self.refused(key, &format!("is no setting; {advice}")));
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
            "is no list of words; no shell is run, so write it like [\"pass\", \"show\", \"x\"]";
        self.refused(key, why)
    }

    /// A path is relative to the file, and may begin with `~/`.
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

/// The text of the file never becomes part of a message: it might hold a secret after all.
fn read(file: &Path, insecure_permissions: bool) -> Result<Table, Failure> {
    let mut text = String::new();
    open_private("the configuration file", file, insecure_permissions)?
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
            "the configuration file {} is not TOML at line {line}; mend it",
            file.display()
        ))
    })
}

fn take_default(config: &mut Table, file: &Path) -> Result<Option<String>, Failure> {
    match config.remove("default_profile") {
        None => Ok(None),
        Some(Value::String(name)) => Ok(Some(name)),
        Some(_) => Err(Failure::usage(format_args!(
            "default_profile in {} is no text; put the name of a profile in quotes",
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
            "profiles in {} is no table; write [profiles.NAME]",
            file.display()
        ))),
    }
}

fn unknown_profile(file: &Path, name: &str, profiles: &Table) -> Failure {
    let names: Vec<_> = profiles.keys().map(String::as_str).collect();
    Failure::usage(format_args!(
        "there is no profile `{name}` in {}; it has: {}",
        file.display(),
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    ))
}

fn no_file(asked_name: Option<String>) -> Result<Option<Profile>, Failure> {
    match asked_name {
        None => Ok(None),
        Some(name) => Err(Failure::usage(format_args!(
            "the profile `{name}` is asked for, but there is no configuration file; write {}, or \
             name one with --config",
            usual_file().map_or("one".to_owned(), |file| file.display().to_string())
        ))),
    }
}
