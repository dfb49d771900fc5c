//! All entries of the settings, and the rules that select the ones in use.
//!
//! A flag wins over a variable, and a variable over the profile. The same holds between alternatives,
//! such as the two authentications: the one from the stronger source wins as a whole. Two entries from
//! equally strong sources contradict each other.

use std::env;
use std::ffi::OsString;

use super::entry::{Entry, Origin, RawValue};
use super::flags::SettingsArgs;
use super::profile::Profile;
use super::spec::{SPECS, Setting, SettingSpec};
use crate::failure::Failure;

/// Alternatives, of which one is needed.
const AUTHENTICATION: [&[Setting]; 2] = [
    &[Setting::ApiToken],
    &[Setting::ClientId, Setting::ClientSecret],
];
const KEY_SOURCE: [&[Setting]; 2] = [&[Setting::PrivateKey], &[Setting::Password]];

/// The entries in use, the overridden ones, and what is wrong with them.
#[derive(Debug)]
pub(crate) struct Entries {
    pub(crate) profile: Option<Profile>,
    pub(super) insecure_permissions: bool,
    used: Vec<Entry>,
    overridden: Vec<Entry>,
    problems: Vec<String>,
}

impl Entries {
    /// Collects all entries. Files and commands with secrets are not read.
    pub(crate) fn collect(args: &SettingsArgs) -> Result<Self, Failure> {
        let profile = Profile::load(args)?;
        let mut found = Vec::new();
        for spec in SPECS {
            found.extend(from_flag(spec, args)?);
            found.extend(from_environment(spec)?);
            if let Some(profile) = &profile {
                found.extend(profile.entry(spec)?);
            }
        }
        let mut entries = Self {
            profile,
            insecure_permissions: false,
            used: found,
            overridden: Vec::new(),
            problems: Vec::new(),
        };
        entries.resolve();
        let allowed = entries.text(Setting::InsecurePermissions);
        entries.insecure_permissions = allowed.is_some_and(|(text, _)| text == "true");
        Ok(entries)
    }

    /// Fails with everything that is missing or contradictory.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.problems.is_empty() {
            return Ok(());
        }
        Err(Failure::usage(format_args!(
            "{}; `helvetisafe config show` shows all settings",
            self.problems.join("; ")
        )))
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
    pub(super) fn text(&self, setting: Setting) -> Option<(&str, &Origin)> {
        match self.used(setting)? {
            Entry {
                value: RawValue::Text(text),
                origin,
                ..
            } => Some((text, origin)),
            _ => None,
        }
    }

    fn resolve(&mut self) {
        for setting in Setting::all() {
            self.override_weaker(setting);
            self.refuse_contradiction(&[setting]);
        }
        for alternatives in [AUTHENTICATION, KEY_SOURCE] {
            self.choose(alternatives);
        }
        self.find_missing();
    }

    /// Returns the rank of the strongest source that has one of `settings`.
    fn rank(&self, settings: &[Setting]) -> Option<u8> {
        let ranks = self.all(settings).map(|entry| entry.origin.rank());
        ranks.min()
    }

    fn all(&self, settings: &[Setting]) -> impl Iterator<Item = &Entry> {
        let entries = self.used.iter();
        entries.filter(|entry| settings.contains(&entry.setting))
    }

    fn override_weaker(&mut self, setting: Setting) {
        if let Some(rank) = self.rank(&[setting]) {
            self.override_if(|entry| entry.setting == setting && entry.origin.rank() > rank);
        }
    }

    fn override_if(&mut self, is_weaker: impl Fn(&Entry) -> bool) {
        let lost = self.used.extract_if(.., |entry| is_weaker(entry));
        self.overridden.extend(lost);
    }

    fn choose(&mut self, alternatives: [&[Setting]; 2]) {
        let [first, second] = alternatives;
        let loser = match (self.rank(first), self.rank(second)) {
            (Some(a), Some(b)) if a < b => second,
            (Some(a), Some(b)) if a > b => first,
            (Some(_), Some(_)) => return self.refuse_contradiction(&[first, second].concat()),
            _ => return,
        };
        self.override_if(|entry| loser.contains(&entry.setting));
    }

    fn refuse_contradiction(&mut self, settings: &[Setting]) {
        let origins: Vec<_> = self
            .all(settings)
            .map(|entry| entry.origin.to_string())
            .collect();
        if origins.len() > 1 {
            self.problems
                .push(format!("set only one of {}", origins.join(", ")));
        }
    }

    fn find_missing(&mut self) {
        use Setting::{ApiToken, BaseUrl, ClientId, ClientSecret, Password, PrivateKey};
        let has = |setting| self.used(setting).is_some();
        let one_of = |setting: Setting| format!("give one of {}", setting.names());
        let mut missing = Vec::new();
        if !has(BaseUrl) {
            missing.push(format!("the base URL is missing: {}", one_of(BaseUrl)));
        }
        match (has(ApiToken), has(ClientId), has(ClientSecret)) {
            (false, false, false) => missing.push(format!(
                "the authentication is missing: {}; or one of {} with one of {}",
                one_of(ApiToken),
                ClientId.names(),
                ClientSecret.names()
            )),
            (false, true, false) => {
                missing.push(format!(
                    "the client secret is missing: {}",
                    one_of(ClientSecret)
                ));
            }
            (false, false, true) => {
                missing.push(format!("the client id is missing: {}", one_of(ClientId)));
            }
            _ => {}
        }
        if !has(PrivateKey) && !has(Password) {
            let password = Password.names();
            missing.push(format!(
                "the private key is missing: {}, {password}",
                one_of(PrivateKey)
            ));
        }
        self.problems.extend(missing);
    }
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
