//! All entries of the settings, and the rules that select the ones in use.
//!
//! A flag wins over a variable, and a variable over the profile. The same holds between alternatives,
//! such as the two authentications: the one from the stronger source wins as a whole. Two entries from
//! equally strong sources contradict each other.
//!
//! A profile that the user named is as strong as the variables, so that a forgotten variable contradicts it
//! and does not silently replace a part of it. A credential is only sent to the base URL of its own source, or
//! to that of a flag.

mod equality;
mod rules;

use std::env;
use std::ffi::OsString;
use std::path::Path;

use rules::{not_configured, not_selected};

use super::entry::{Entry, Origin, RawValue, Source};
use super::flags::SettingsArgs;
use super::profile::Profile;
use super::secret::LazySecret;
use super::spec::{SPECS, Setting, SettingSpec};
use crate::advice;
use crate::failure::Failure;
use crate::ui::input_file;

/// The entries in use, the overridden ones, and what is wrong with them.
#[derive(Debug)]
pub(crate) struct Entries {
    pub(crate) profile: Option<Profile>,
    pub(crate) insecure_permissions: bool,
    used: Vec<Entry>,
    overridden: Vec<Entry>,
    problems: Vec<String>,
    /// The variables that contradict the profile.
    contradictions: Vec<String>,
    /// The profiles of the file, if none of them is selected.
    unselected: Vec<String>,
}

impl Entries {
    /// Collects all entries. Commands with secrets are not run, and files with secrets only read to compare them
    /// with a variable.
    pub(crate) fn collect(args: &SettingsArgs) -> Result<Self, Failure> {
        let profile = Profile::load(args)?;
        let mut found = given(args)?;
        found.extend(of_profile(profile.as_ref())?);
        let mut entries = Self::resolved(found, profile);
        if entries.profile.is_none() {
            entries.unselected = Profile::names(args);
        }
        Ok(entries)
    }

    /// Collects the entries of a profile alone, without flags and variables.
    pub(crate) fn collect_profile(args: &SettingsArgs, name: &str) -> Result<Self, Failure> {
        let args = SettingsArgs {
            profile: Some(name.to_owned()),
            ..args.clone()
        };
        let profile = Profile::load(&args)?;
        let found = of_profile(profile.as_ref())?;
        Ok(Self::resolved(found, profile))
    }

    /// Collects flags, variables and `more` entries, for a new profile. Secrets in pipes, which can be read only
    /// once, are read.
    pub(crate) fn for_new_profile(args: &SettingsArgs, more: Vec<Entry>) -> Result<Self, Failure> {
        let mut entries = Self::without_profile(args)?.with(more);
        entries.read_pipes()?;
        Ok(entries)
    }

    /// Collects flags and variables alone. No secret is read.
    pub(crate) fn without_profile(args: &SettingsArgs) -> Result<Self, Failure> {
        Ok(Self::resolved(given(args)?, None))
    }

    /// Returns these entries alone.
    pub(super) fn of(entries: Vec<Entry>) -> Self {
        Self::resolved(entries, None)
    }

    /// Returns the same entries together with `more`.
    pub(crate) fn with(&self, more: impl IntoIterator<Item = Entry>) -> Self {
        let found = self.used.iter().chain(&self.overridden).cloned();
        Self::resolved(found.chain(more).collect(), self.profile.clone())
    }

    fn resolved(found: Vec<Entry>, profile: Option<Profile>) -> Self {
        let mut entries = Self {
            profile,
            insecure_permissions: false,
            used: found,
            overridden: Vec::new(),
            problems: Vec::new(),
            contradictions: Vec::new(),
            unselected: Vec::new(),
        };
        entries.resolve();
        let allowed = entries.text(Setting::InsecurePermissions);
        entries.insecure_permissions = allowed.is_some_and(|(text, _)| text == "true");
        entries
    }

    fn read_pipes(&mut self) -> Result<(), Failure> {
        for entry in &mut self.used {
            let is_secret = entry.setting.is_secret();
            let is_pipe = |path: &Path| {
                input_file::is_stdin(path) || path.metadata().is_ok_and(|it| !it.is_file())
            };
            if matches!(&entry.value, RawValue::Path(path) if is_secret && is_pipe(path)) {
                let secret = LazySecret::new(entry, self.insecure_permissions);
                entry.value = RawValue::Secret(secret.read()?.clone());
            }
        }
        Ok(())
    }

    /// Fails with everything that is missing or contradictory.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.problems.is_empty() {
            return Ok(());
        }
        if !self.is_configured() {
            return Err(Failure::usage(match self.unselected.is_empty() {
                true => not_configured(),
                false => not_selected(&self.unselected),
            }));
        }
        Err(Failure::usage(format_args!(
            "{}; {} shows all settings",
            self.problems.join("; "),
            advice::command("config show")
        )))
    }

    /// Returns true if a setting is set.
    pub(crate) fn has(&self, setting: Setting) -> bool {
        self.used(setting).is_some()
    }

    /// Returns true if a flag sets it.
    pub(crate) fn has_flag(&self, setting: Setting) -> bool {
        let origin = self.used(setting).map(|entry| entry.origin.source());
        origin == Some(Source::Flag)
    }

    /// Returns the entry in use.
    pub(super) fn used(&self, setting: Setting) -> Option<&Entry> {
        self.used_all(setting).next()
    }

    /// Returns the entry in use, and those that contradict it.
    pub(crate) fn used_all(&self, setting: Setting) -> impl Iterator<Item = &Entry> {
        let entries = self.used.iter();
        entries.filter(move |entry| entry.setting == setting)
    }

    /// Returns the entries that lost to a stronger source.
    pub(crate) fn overridden(&self, setting: Setting) -> impl Iterator<Item = &Entry> {
        let entries = self.overridden.iter();
        entries.filter(move |entry| entry.setting == setting)
    }

    /// Returns a setting that is a text.
    pub(crate) fn text(&self, setting: Setting) -> Option<(&str, &Origin)> {
        match self.used(setting)? {
            Entry {
                value: RawValue::Text(text),
                origin,
                ..
            } => Some((text, origin)),
            _ => None,
        }
    }

    /// Returns the precedence of an entry: the lowest rank wins.
    pub(super) fn rank_of(&self, entry: &Entry) -> u8 {
        entry.origin.rank(self.named_by().is_some())
    }

    /// Returns the flag or the variable that names the profile.
    fn named_by(&self) -> Option<&'static str> {
        self.profile.as_ref()?.named_by
    }
}

/// Returns the flags and the variables.
fn given(args: &SettingsArgs) -> Result<Vec<Entry>, Failure> {
    let mut found = Vec::new();
    for spec in SPECS {
        found.extend(from_flag(spec, args)?);
        found.extend(from_environment(spec)?);
    }
    refuse_shared_input(&found)?;
    Ok(found)
}

/// Standard input has one secret.
fn refuse_shared_input(found: &[Entry]) -> Result<(), Failure> {
    let mut from_stdin = found
        .iter()
        .filter(|entry| matches!(&entry.value, RawValue::Path(path) if input_file::is_stdin(path)));
    match (from_stdin.next(), from_stdin.next()) {
        (Some(one), Some(other)) => Err(Failure::usage(format_args!(
            "{} and {} are both -, standard input, which has one secret; give a file for one of them",
            one.origin, other.origin
        ))),
        _ => Ok(()),
    }
}

fn of_profile(profile: Option<&Profile>) -> Result<Vec<Entry>, Failure> {
    let Some(profile) = profile else {
        return Ok(Vec::new());
    };
    let entries = SPECS.iter().map(|spec| profile.entry(spec));
    let entries: Vec<_> = entries.collect::<Result<_, _>>()?;
    Ok(entries.into_iter().flatten().collect())
}

fn from_flag(spec: &SettingSpec, args: &SettingsArgs) -> Result<Option<Entry>, Failure> {
    let Some(flag) = spec.flag else {
        return Ok(None);
    };
    let value = args.flags.get(flag).map(OsString::from);
    value
        .map(|value| Entry::new(spec, Origin::Flag(flag), value))
        .transpose()
}

/// An empty variable counts as unset.
fn from_environment(spec: &SettingSpec) -> Result<Option<Entry>, Failure> {
    let Some(name) = spec.variable else {
        return Ok(None);
    };
    let value = env::var_os(name).filter(|value| !value.is_empty());
    value
        .map(|value| Entry::new(spec, Origin::Variable(name), value))
        .transpose()
}
