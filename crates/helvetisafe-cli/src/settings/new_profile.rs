//! A new profile: its text, and the files with its secrets.

use std::fs;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use toml::Table;

use super::entries::Entries;
use super::entry::{Entry, RawValue};
use super::flags::SettingsArgs;
use super::profile;
use super::spec::{Setting, ValueKind};
use crate::failure::Failure;
use crate::fs::{Access, create_private_folder, destination, folder_of};

/// A profile that is not written yet.
pub(crate) struct NewProfile {
    pub(crate) file: PathBuf,
    pub(crate) name: String,
    /// The present content of the file, empty if there is none.
    before: String,
    is_insecure_allowed: bool,
    lines: String,
    secrets: Vec<(PathBuf, SecretString)>,
}

impl NewProfile {
    /// Returns the place that the user selects for a new profile: the configuration file, and the name if there
    /// is one.
    pub(crate) fn place(args: &SettingsArgs) -> Result<(PathBuf, Option<String>), Failure> {
        profile::place(args)
    }

    /// Fails if the name cannot be that of a new profile in `file`.
    pub(crate) fn new(file: PathBuf, name: String, args: &SettingsArgs) -> Result<Self, Failure> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || !name.chars().all(is_plain) {
            return Err(Failure::usage(format_args!(
                "`{name}` cannot be the name of a new profile; use letters, digits, - and _"
            )));
        }
        let is_insecure_allowed = profile::is_insecure_allowed(args);
        let before = present(&file, is_insecure_allowed)?;
        let names = profile::names(profile::parse(&before, &file)?, &file)?;
        if names.contains(&name) {
            return Err(Failure::usage(format_args!(
                "there is a profile `{name}` in {}; choose another name with --profile, or remove it first",
                file.display()
            )));
        }
        Ok(Self {
            file,
            name,
            before,
            is_insecure_allowed,
            lines: String::new(),
            secrets: Vec::new(),
        })
    }

    /// Adds the settings in use. A secret that is not in a file or a command gets a file beside the
    /// configuration file.
    pub(crate) fn add(&mut self, entries: &Entries) -> Result<(), Failure> {
        for setting in Setting::all() {
            if let Some(entry) = entries.used(setting)
                && let Some((key, value)) = self.line(entry)?
            {
                self.lines += &format!("{key} = {value}\n");
            }
        }
        self.check()
    }

    /// Returns whether commands use it without a name: it is the first one of its file.
    pub(crate) fn is_default(&self) -> bool {
        self.before.trim().is_empty()
    }

    /// Returns the files for secrets.
    pub(crate) fn secret_files(&self) -> impl Iterator<Item = &Path> {
        self.secrets.iter().map(|(path, _)| path.as_path())
    }

    /// Writes the secrets, then the profile. Nothing is replaced but the configuration file. After a failure
    /// none of the secrets stays on the disk.
    pub(crate) fn write(&self) -> Result<(), Failure> {
        let folder = folder_of(&self.file);
        create_private_folder(folder).map_err(|error| {
            Failure::other(format_args!("cannot make {}: {error}", folder.display()))
        })?;
        let mut written = Vec::new();
        let outcome = self.write_files(&mut written);
        if outcome.is_err() {
            for path in written {
                // The failure to report is the first one.
                let _ = fs::remove_file(path);
            }
        }
        outcome
    }

    fn write_files<'a>(&'a self, written: &mut Vec<&'a Path>) -> Result<(), Failure> {
        for (path, secret) in &self.secrets {
            refuse_existing(path)?;
            destination::write(path, secret.expose_secret().as_bytes(), Access::default())?;
            written.push(path);
        }
        if present(&self.file, self.is_insecure_allowed)? != self.before {
            return Err(Failure::other(format_args!(
                "another program has changed {} meanwhile, so the profile was not written; run the command \
                 again",
                self.file.display()
            )));
        }
        destination::write(&self.file, self.text().as_bytes(), Access::default()).map(drop)
    }

    /// Returns the key and the value of a setting in the profile; `None` if profiles do not have it.
    fn line(&mut self, entry: &Entry) -> Result<Option<(&'static str, String)>, Failure> {
        let key = |kind| entry.setting.profile_key(kind);
        Ok(match &entry.value {
            RawValue::Text(text) => match (key(ValueKind::Text), key(ValueKind::Switch)) {
                (Some(key), _) => Some((key, quoted(text))),
                (None, switch) => switch.map(|key| (key, text.clone())),
            },
            RawValue::Path(path) => {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                let path = path.to_str().ok_or_else(|| {
                    let path = path.display();
                    Failure::usage(format_args!(
                        "the path {path} is not valid Unicode; rename it"
                    ))
                })?;
                key(ValueKind::Path).map(|key| (key, quoted(path)))
            }
            RawValue::Command(argv) => {
                let words: Vec<_> = argv.iter().map(|word| quoted(word)).collect();
                key(ValueKind::Command).map(|key| (key, format!("[{}]", words.join(", "))))
            }
            RawValue::Secret(secret) => match key(ValueKind::Path) {
                Some(key) => Some((key, quoted(&self.keep(entry.setting, secret)?))),
                None => None,
            },
        })
    }

    /// Plans a file for a secret, and returns its name.
    fn keep(&mut self, setting: Setting, secret: &SecretString) -> Result<String, Failure> {
        let name = format!("{}.{}", self.name, setting.name().replace('_', "-"));
        let path = folder_of(&self.file).join(&name);
        refuse_existing(&path)?;
        self.secrets.push((path, secret.clone()));
        Ok(name)
    }

    /// Returns the whole file with the profile.
    fn text(&self) -> String {
        let (name, lines) = (&self.name, &self.lines);
        match self.before.trim_end() {
            "" => format!("default_profile = \"{name}\"\n\n[profiles.{name}]\n{lines}"),
            before => format!("{before}\n\n[profiles.{name}]\n{lines}"),
        }
    }

    /// Checks that the file can be read again, and has the old profiles and the new one.
    fn check(&self) -> Result<(), Failure> {
        let expected = || {
            let mut table: Table = self.before.parse().ok()?;
            let profiles = table
                .entry("profiles")
                .or_insert_with(|| Table::new().into());
            let lines: Table = self.lines.parse().ok()?;
            profiles
                .as_table_mut()?
                .insert(self.name.clone(), lines.into());
            Some(table)
        };
        let mut found: Option<Table> = self.text().parse().ok();
        if self.is_default()
            && let Some(table) = &mut found
        {
            table.remove("default_profile");
        }
        if found.is_some() && found == expected() {
            return Ok(());
        }
        Err(Failure::usage(format_args!(
            "{} has its profiles in a form that nothing can be added to; write them as [profiles.NAME]",
            self.file.display()
        )))
    }
}

/// Returns the content of the configuration file, empty if there is none.
fn present(file: &Path, is_insecure_allowed: bool) -> Result<String, Failure> {
    match file.exists() {
        true => profile::text(file, is_insecure_allowed),
        false => Ok(String::new()),
    }
}

fn refuse_existing(path: &Path) -> Result<(), Failure> {
    match path.symlink_metadata() {
        Ok(_) => Err(Failure::usage(format_args!(
            "{} exists already; remove it, or choose another name with --profile",
            path.display()
        ))),
        Err(_) => Ok(()),
    }
}

/// Writes a text as a basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted += &format!("\\u{:04X}", u32::from(c)),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns a profile with a secret in a folder, for a configuration file with this content.
    fn profile(folder: &Path, before: &str) -> NewProfile {
        NewProfile {
            file: folder.join("config.toml"),
            name: "new".to_owned(),
            before: before.to_owned(),
            is_insecure_allowed: true,
            lines: "timeout = \"10s\"\n".to_owned(),
            secrets: vec![(folder.join("new.client-secret"), "secret".into())],
        }
    }

    #[test]
    fn a_profile_of_another_program_is_not_lost_and_no_secret_is_left() {
        const OTHER: &str = "[profiles.other]\n";
        let folder = tempfile::tempdir().unwrap();
        let [config, secret] =
            ["config.toml", "new.client-secret"].map(|name| folder.path().join(name));
        fs::write(&config, OTHER).unwrap();
        let failure = profile(folder.path(), "").write().unwrap_err();
        assert!(failure.message().unwrap().contains("has changed"));
        assert_eq!(fs::read_to_string(&config).unwrap(), OTHER);
        assert!(!secret.exists());

        profile(folder.path(), OTHER).write().unwrap();
        assert!(
            fs::read_to_string(&config)
                .unwrap()
                .contains("[profiles.new]")
        );
        assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");

        // The file of another run stays.
        let failure = profile(folder.path(), OTHER).write().unwrap_err();
        assert!(failure.message().unwrap().contains("exists already"));
        assert!(secret.exists());
    }

    #[test]
    fn no_secret_is_left_if_the_configuration_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut profile = profile(folder.path(), "");
        profile.file = folder.path().join("no-file/");
        fs::create_dir(&profile.file).unwrap();
        assert!(profile.write().is_err());
        assert!(!folder.path().join("new.client-secret").exists());
    }

    proptest! {
        #[test]
        fn any_text_is_read_again(text in any::<String>()) {
            let table: Table = format!("a = {}", quoted(&text)).parse().unwrap();
            prop_assert_eq!(table["a"].as_str(), Some(text.as_str()));
        }
    }
}
