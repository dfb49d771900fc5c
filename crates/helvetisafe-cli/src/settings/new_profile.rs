//! A new profile: its text, and the files with its secrets.

use std::fs;
use std::path::{Path, PathBuf, is_separator};

use secrecy::{ExposeSecret, SecretString};

use super::config_file::ConfigFile;
use super::config_text::{self, quoted};
use super::entries::Entries;
use super::entry::{Entry, RawValue};
use super::flags::SettingsArgs;
use super::profile::{Profile, selected_name};
use super::profile_files::{self, ProfileFiles};
use super::spec::{Setting, ValueKind};
use crate::failure::Failure;
use crate::fs::{Access, create_private_folder, destination, folder_of, with_remedy};
use crate::signals;

/// A profile that is not written yet.
pub(crate) struct NewProfile {
    pub(crate) name: String,
    config: ConfigFile,
    /// The profile of the same name that it replaces.
    replaced: Option<Profile>,
    /// The files that `init` made for that.
    made: Vec<PathBuf>,
    lines: String,
    secrets: Vec<(PathBuf, SecretString)>,
}

impl NewProfile {
    /// Returns the place that the user selects for a new profile: the configuration file, and the name if there
    /// is one.
    pub(crate) fn place(args: &SettingsArgs) -> Result<(ConfigFile, Option<String>), Failure> {
        let name = selected_name(args)?.map(|(name, _)| name);
        Ok((ConfigFile::load_to_change(args)?, name))
    }

    /// Fails if the name cannot be that of a new profile in the file. With `replace` a profile of that name is
    /// replaced.
    pub(crate) fn new(config: ConfigFile, name: String, replace: bool) -> Result<Self, Failure> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || !name.chars().all(is_plain) {
            return Err(Failure::usage(format_args!(
                "`{name}` cannot be the name of a new profile; use letters, digits, - and _"
            )));
        }
        let exists = config.profiles.contains_key(&name);
        if exists && !replace {
            return Err(Failure::usage(format_args!(
                "there is a profile `{name}` in {}; choose another name with --profile, or replace it with \
                 --replace",
                config.file.display()
            )));
        }
        let (mut replaced, mut made) = (None, Vec::new());
        if exists {
            let profile = Profile::find_unchecked(&config, &name)?;
            made = profile_files::made(&profile, &config);
            replaced = Some(profile);
        }
        Ok(Self {
            replaced,
            made,
            name,
            config,
            lines: String::new(),
            secrets: Vec::new(),
        })
    }

    /// Returns the profile that it replaces.
    pub(crate) fn replaced(&self) -> Option<&Profile> {
        self.replaced.as_ref()
    }

    /// Returns the configuration file.
    pub(crate) fn file(&self) -> &Path {
        &self.config.file
    }

    /// Takes the settings in use, in place of those from before. A secret that is not in a file or a command
    /// gets a file beside the configuration file.
    pub(crate) fn set(&mut self, entries: &Entries) -> Result<(), Failure> {
        self.lines.clear();
        self.secrets.clear();
        for setting in Setting::all() {
            if let Some(entry) = entries.used(setting)
                && let Some((key, value)) = self.line(entry)?
            {
                self.lines += &format!("{key} = {value}\n");
            }
        }
        self.text().map(drop)
    }

    /// Returns true if commands use it without a name.
    pub(crate) fn is_default(&self) -> bool {
        self.config.text.trim().is_empty() || self.config.name_or_default(None) == self.name
    }

    /// Returns the files for secrets.
    pub(crate) fn secret_files(&self) -> impl Iterator<Item = &Path> {
        self.secrets.iter().map(|(path, _)| path.as_path())
    }

    /// Writes the secrets, then the profile, then removes the secrets of the replaced profile, and returns their
    /// files. Nothing is replaced but the configuration file. After a failure or a signal none of the new secrets
    /// stays on the disk, and the replaced profile is as before.
    pub(crate) fn write(&self) -> Result<Vec<PathBuf>, Failure> {
        let folder = folder_of(&self.config.file);
        create_private_folder(folder).map_err(|error| {
            let why = with_remedy(&error);
            Failure::other(format_args!("cannot make {}: {why}", folder.display()))
        })?;
        let changed = self.config.with_text(self.text()?)?;
        let old = match &self.replaced {
            Some(profile) => ProfileFiles::after(profile, &self.config, &changed)?,
            None => ProfileFiles::default(),
        };
        signals::held(|| {
            let mut written = Vec::new();
            let outcome = self.write_files(&changed, &mut written);
            if outcome.is_err() {
                for path in written {
                    // The failure to report is the first one.
                    let _ = fs::remove_file(path);
                }
            }
            outcome.and_then(|()| old.remove_unused())
        })?;
        Ok(old.unused)
    }

    fn write_files<'a>(
        &'a self,
        changed: &ConfigFile,
        written: &mut Vec<&'a Path>,
    ) -> Result<(), Failure> {
        for (path, secret) in &self.secrets {
            if path.symlink_metadata().is_ok() {
                return Err(Failure::other(format_args!(
                    "another program has made {} meanwhile; run the command again",
                    path.display()
                )));
            }
            destination::write(path, secret.expose_secret().as_bytes(), Access::default())?;
            written.push(path);
        }
        self.config.replace_by(changed)
    }

    /// Returns the key and the value of a setting in the profile; `None` if profiles do not have it.
    fn line(&mut self, entry: &Entry) -> Result<Option<(&'static str, String)>, Failure> {
        let key = |kind| entry.setting.profile_key(kind);
        Ok(match &entry.value {
            RawValue::Text(text) => match key(ValueKind::Switch) {
                Some(key) => Some((key, text.clone())),
                None => {
                    let key = key(ValueKind::Text).or_else(|| key(ValueKind::List));
                    key.map(|key| (key, quoted(text)))
                }
            },
            RawValue::Path(path) if self.is_made(path) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                key(ValueKind::Path)
                    .map(|key| (key, quoted(&name) + &config_text::mark(&self.config.file)))
            }
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
                let words: Vec<_> = absolute_program(argv).map(|word| quoted(&word)).collect();
                key(ValueKind::Command).map(|key| (key, format!("[{}]", words.join(", "))))
            }
            RawValue::Secret(secret) => key(ValueKind::Path).map(|key| {
                let name = self.keep(entry.setting, secret);
                (key, quoted(&name) + &config_text::mark(&self.config.file))
            }),
        })
    }

    /// Returns true if `init` has made a file for the replaced profile.
    fn is_made(&self, path: &Path) -> bool {
        let mut made = self.made.iter();
        made.any(|made| profile_files::real(made) == profile_files::real(path))
    }

    /// Plans a file for a secret, and returns its name, which no other file has.
    fn keep(&mut self, setting: Setting, secret: &SecretString) -> String {
        let folder = folder_of(&self.config.file);
        let name = format!("{}.{}", self.name, setting.name().replace('_', "-"));
        let others = (2..).map(|number| format!("{name}.{number}"));
        let mut names = std::iter::once(name.clone()).chain(others);
        let is_free = |name: &String| folder.join(name).symlink_metadata().is_err();
        let name = names.find(is_free).unwrap_or(name);
        self.secrets.push((folder.join(&name), secret.clone()));
        name
    }

    /// Returns the whole file with the profile.
    fn text(&self) -> Result<String, Failure> {
        let text = config_text::with_profile(&self.config.text, &self.name, &self.lines);
        text.ok_or_else(|| self.config.other_form())
    }
}

/// Returns a command whose program does not depend on the working directory. A name without a slash stays as it is: it
/// is searched in `PATH`.
fn absolute_program(argv: &[String]) -> impl Iterator<Item = String> {
    argv.iter().enumerate().map(|(index, word)| {
        let is_path = index == 0 && word.contains(is_separator);
        let absolute = std::path::absolute(word).ok().filter(|_| is_path);
        absolute.map_or_else(|| word.clone(), |path| path.display().to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a profile with a secret in a folder, for a configuration file with this content.
    fn profile(folder: &Path, before: &str) -> NewProfile {
        let config = ConfigFile::for_test(folder.join("config.toml"), before);
        NewProfile {
            lines: "timeout = \"10s\"\n".to_owned(),
            secrets: vec![(folder.join("new.client-secret"), "secret".into())],
            ..NewProfile::new(config, "new".to_owned(), false).unwrap()
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
        assert!(failure.message().unwrap().contains("has made"));
        assert!(secret.exists());
    }

    #[test]
    fn a_replaced_profile_stays_until_the_new_one_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let before =
            "[profiles.a]\nclient_secret_file = \"a.client-secret\" # made by init\n[profiles.b]\n";
        let [config, old, new] = ["config.toml", "a.client-secret", "a.client-secret.2"]
            .map(|name| folder.path().join(name));
        fs::write(&config, "# changed").unwrap();
        fs::write(&old, "old").unwrap();
        let file = ConfigFile::for_test(config.clone(), before);
        let mut profile = NewProfile::new(file, "a".to_owned(), true).unwrap();
        let name = profile.keep(Setting::ClientSecret, &"new".into());
        assert_eq!(name, "a.client-secret.2");
        profile.lines = format!(
            "client_secret_file = \"{name}\"{}\n",
            config_text::mark(&config)
        );

        assert!(profile.write().is_err());
        assert_eq!(fs::read_to_string(&config).unwrap(), "# changed");
        assert!(old.exists() && !new.exists());

        fs::write(&config, before).unwrap();
        assert_eq!(profile.write().unwrap(), std::slice::from_ref(&old));
        assert!(!old.exists());
        assert_eq!(fs::read_to_string(&new).unwrap(), "new");
        let text = fs::read_to_string(&config).unwrap();
        let marked = "secret.2\" # made by init for config.toml";
        assert_eq!(text, before.replace("secret\" # made by init", marked));
    }

    #[test]
    fn no_secret_is_left_if_the_configuration_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut profile = profile(folder.path(), "");
        profile.config.file = folder.path().join("no-file/");
        fs::create_dir(&profile.config.file).unwrap();
        assert!(profile.write().is_err());
        assert!(!folder.path().join("new.client-secret").exists());
    }
}
