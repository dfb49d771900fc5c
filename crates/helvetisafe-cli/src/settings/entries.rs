//! All entries of the settings, and the rules that select the ones in use.
//!
//! A flag wins over a variable, and a variable over the profile. The same holds between alternatives,
//! such as the two authentications: the one from the stronger source wins as a whole. Two entries from
//! equally strong sources contradict each other.
//!
//! A profile that the user named is as strong as the variables, so that a forgotten variable contradicts it
//! and does not silently replace a part of it. And a credential is sent to the base URL of its own source
//! alone, or to that of a flag.

use std::env;
use std::ffi::OsString;
use std::path::Path;

use super::entry::{Entry, Origin, RawValue, Source};
use super::flags::SettingsArgs;
use super::profile::Profile;
use super::secret::LazySecret;
use super::spec::{SPECS, Setting, SettingSpec, ValueKind};
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
    /// The variables that contradict the profile.
    contradictions: Vec<String>,
}

impl Entries {
    /// Collects all entries. Files and commands with secrets are not read.
    pub(crate) fn collect(args: &SettingsArgs) -> Result<Self, Failure> {
        let profile = Profile::load(args)?;
        let mut found = given(args)?;
        found.extend(of_profile(profile.as_ref())?);
        Ok(Self::resolved(found, profile, args))
    }

    /// Collects the entries of a profile alone.
    pub(super) fn collect_profile(args: &SettingsArgs) -> Result<Self, Failure> {
        let profile = Profile::load(args)?;
        let found = of_profile(profile.as_ref())?;
        Ok(Self::resolved(found, profile, args))
    }

    /// Collects flags, variables and `more` entries, for a new profile.
    pub(crate) fn for_new_profile(args: &SettingsArgs, more: Vec<Entry>) -> Result<Self, Failure> {
        let mut found = given(args)?;
        found.extend(more);
        Ok(Self::resolved(found, None, args))
    }

    fn resolved(found: Vec<Entry>, profile: Option<Profile>, args: &SettingsArgs) -> Self {
        let mut entries = Self {
            profile,
            insecure_permissions: args.insecure_permissions,
            used: found,
            overridden: Vec::new(),
            problems: Vec::new(),
            contradictions: Vec::new(),
        };
        entries.resolve();
        entries
    }

    /// Reads the secrets that are in pipes, which can be read only once, into the entries.
    pub(crate) fn read_pipes(&mut self) -> Result<(), Failure> {
        for entry in &mut self.used {
            let is_secret = entry.setting.profile_key(ValueKind::Command).is_some();
            let is_pipe = |path: &Path| path.metadata().is_ok_and(|it| !it.is_file());
            if matches!(&entry.value, RawValue::Path(path) if is_secret && is_pipe(path)) {
                let secret = LazySecret::new(entry, self.insecure_permissions);
                entry.value = RawValue::Secret(secret.read()?.clone());
            }
        }
        Ok(())
    }

    /// Returns whether any of the required settings is set.
    fn is_configured(&self) -> bool {
        use Setting::{ApiToken, BaseUrl, ClientId, ClientSecret, Password, PrivateKey};
        let required = [
            BaseUrl,
            ApiToken,
            ClientId,
            ClientSecret,
            PrivateKey,
            Password,
        ];
        required.into_iter().any(|setting| self.has(setting))
    }

    /// Fails with everything that is missing or contradictory.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.problems.is_empty() {
            return Ok(());
        }
        if !self.is_configured() {
            return Err(Failure::usage(not_configured()));
        }
        Err(Failure::usage(format_args!(
            "{}; `helvetisafe config show` shows all settings",
            self.problems.join("; ")
        )))
    }

    /// Returns whether a setting is set.
    pub(crate) fn has(&self, setting: Setting) -> bool {
        self.used(setting).is_some()
    }

    /// Returns whether a flag sets it.
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

    fn resolve(&mut self) {
        for setting in Setting::all() {
            self.override_weaker(setting);
            self.override_repetition(setting);
            self.refuse_contradiction(&[setting]);
        }
        for alternatives in [AUTHENTICATION, KEY_SOURCE] {
            self.choose(alternatives);
        }
        self.refuse_variables();
        self.refuse_foreign_credential();
        self.find_missing();
    }

    /// Returns the rank of the strongest source that has one of `settings`.
    fn rank(&self, settings: &[Setting]) -> Option<u8> {
        let ranks = self.all(settings).map(|entry| self.rank_of(entry));
        ranks.min()
    }

    fn all(&self, settings: &[Setting]) -> impl Iterator<Item = &Entry> {
        let entries = self.used.iter();
        entries.filter(|entry| settings.contains(&entry.setting))
    }

    fn override_weaker(&mut self, setting: Setting) {
        let is_named = self.named_by().is_some();
        if let Some(rank) = self.rank(&[setting]) {
            self.override_if(|it| it.setting == setting && it.origin.rank(is_named) > rank);
        }
    }

    /// Drops a variable that repeats the named profile.
    fn override_repetition(&mut self, setting: Setting) {
        let is_from = |source| move |entry: &&Entry| entry.origin.source() == source;
        let of_profile = self.used_all(setting).find(is_from(Source::Profile));
        let Some(value) = of_profile.map(|entry| entry.value.clone()) else {
            return;
        };
        self.override_if(|entry| {
            entry.setting == setting
                && entry.origin.source() == Source::Variable
                && entry.value.is_same(&value)
        });
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
        let origins = |source: Option<Source>| {
            let entries = self.all(settings).map(|entry| &entry.origin);
            let entries = entries.filter(|it| source.is_none_or(|source| it.source() == source));
            entries.map(ToString::to_string).collect::<Vec<_>>()
        };
        let (all, variables) = (origins(None), origins(Some(Source::Variable)));
        let profile = origins(Some(Source::Profile));
        if all.len() < 2 {
            return;
        }
        if variables.is_empty() || profile.is_empty() {
            self.problems
                .push(format!("set only one of {}", all.join(", ")));
        } else {
            let verb = match variables.len() {
                1 => "contradicts",
                _ => "contradict",
            };
            let (variables, profile) = (variables.join(" and "), profile.join(" and "));
            self.contradictions
                .push(format!("{variables} {verb} {profile}"));
        }
    }

    /// Refuses variables that contradict a named profile.
    fn refuse_variables(&mut self) {
        if let Some(named_by) = self.named_by().filter(|_| !self.contradictions.is_empty()) {
            self.problems.push(format!(
                "{}; a profile that {named_by} names is used as a whole: unset these variables, or \
                 select no profile",
                self.contradictions.join("; ")
            ));
        }
    }

    /// Refuses to send a secret to the base URL of another source, which may be that of another vault.
    fn refuse_foreign_credential(&mut self) {
        let base = self.used(Setting::BaseUrl).map(|entry| &entry.origin);
        let base = base.filter(|it| it.source() != Source::Flag);
        let Some(base) = base.filter(|_| self.contradictions.is_empty()) else {
            return;
        };
        let is_foreign = |entry: &&Entry| entry.origin.source() != base.source();
        let credentials = self.all(&[Setting::ClientSecret, Setting::ApiToken]);
        let problems = credentials.filter(is_foreign).map(|entry| {
            format!(
                "the credential is from {}, and the base URL from {base}: give --base-url to send the \
                 credential there",
                entry.origin
            )
        });
        let problems: Vec<_> = problems.collect();
        self.problems.extend(problems);
    }

    fn find_missing(&mut self) {
        use Setting::{ApiToken, BaseUrl, ClientId, ClientSecret, Password, PrivateKey};
        let has = |setting| self.has(setting);
        let missing = |what: &str, alternatives: &[Setting]| {
            let names = alternatives.iter().map(|setting| setting.names());
            let names = names.collect::<Vec<_>>().join(", or ");
            format!("the {what} is missing: give {names}")
        };
        let mut problems = Vec::new();
        if !has(BaseUrl) {
            problems.push(missing("base URL", &[BaseUrl]));
        }
        match (has(ApiToken), has(ClientId), has(ClientSecret)) {
            (false, false, false) => problems.push(format!(
                "{}, or {} with {}",
                missing("authentication", &[ApiToken]),
                ClientId.names(),
                ClientSecret.names()
            )),
            (false, true, false) => problems.push(missing("client secret", &[ClientSecret])),
            (false, false, true) => problems.push(missing("client id", &[ClientId])),
            _ => {}
        }
        if !has(PrivateKey) && !has(Password) {
            problems.push(missing("private key", &[PrivateKey, Password]));
        }
        self.problems.extend(problems);
    }
}

/// The message of a first use.
fn not_configured() -> String {
    use Setting::{BaseUrl, ClientId, ClientSecret, PrivateKey};
    let variables = [BaseUrl, ClientId, ClientSecret, PrivateKey];
    let variables: Vec<_> = variables.iter().filter_map(|it| it.variable()).collect();
    format!(
        "no vault is configured: the base URL, the credential and the private key are missing; run \
         `helvetisafe init`, or set {}, or try a vault on this machine with `helvetisafe-server dev`",
        variables.join(", ")
    )
}

/// Returns the flags and the variables.
fn given(args: &SettingsArgs) -> Result<Vec<Entry>, Failure> {
    let mut found = Vec::new();
    for spec in SPECS {
        found.extend(from_flag(spec, args)?);
        found.extend(from_environment(spec)?);
    }
    Ok(found)
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
