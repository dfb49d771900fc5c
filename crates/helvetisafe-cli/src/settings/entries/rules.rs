//! The rules that select the entries in use, and find what is missing or contradictory.

use super::Entries;
use super::equality::is_same;
use crate::advice;
use crate::settings::entry::{Entry, Source};
use crate::settings::spec::Setting;

/// Settings of which one alternative is needed. Messages name the first one before the others.
struct Required {
    what: &'static str,
    alternatives: &'static [&'static [Setting]],
}

const REQUIRED: [Required; 3] = [
    Required {
        what: "base URL",
        alternatives: &[&[Setting::BaseUrl]],
    },
    Required {
        what: "credential",
        alternatives: &[
            &[Setting::ClientId, Setting::ClientSecret],
            &[Setting::ApiToken],
        ],
    },
    Required {
        what: "private key",
        alternatives: &[&[Setting::PrivateKey], &[Setting::Password]],
    },
];

impl Entries {
    /// Applies the rules to all entries that were found.
    pub(super) fn resolve(&mut self) {
        for setting in Setting::all() {
            // After the base URL, which comes before them.
            if setting == Setting::FailoverUrls {
                self.override_foreign_failover();
            }
            self.override_weaker(setting);
            self.override_repetition(setting);
            self.refuse_contradiction(&[setting]);
        }
        for required in &REQUIRED {
            if let [first, second] = required.alternatives {
                self.choose(first, second);
            }
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
        let Some(of_profile) = of_profile.cloned() else {
            return;
        };
        self.override_if(|entry| {
            entry.setting == setting
                && entry.origin.source() == Source::Variable
                && is_same(entry, &of_profile)
        });
    }

    /// Drops further URLs of a source that names another base URL, or none: they may be those of another vault. A flag is
    /// for the base URL in use.
    fn override_foreign_failover(&mut self) {
        let Some(base) = self.used(Setting::BaseUrl).cloned() else {
            return;
        };
        let own_bases: Vec<_> = [&self.used, &self.overridden]
            .into_iter()
            .flatten()
            .filter(|it| it.setting == Setting::BaseUrl && is_same(it, &base))
            .map(|it| it.origin.source())
            .chain([Source::Flag])
            .collect();
        self.override_if(|it| {
            it.setting == Setting::FailoverUrls && !own_bases.contains(&it.origin.source())
        });
    }

    /// Describes a variable with further URLs that has no base URL of its own source, so it is never used.
    pub(in crate::settings) fn unused_failover(&self) -> Option<String> {
        let base = self.used(Setting::BaseUrl)?;
        let is_variable = |it: &&Entry| it.origin.source() == Source::Variable;
        let variable = self.overridden(Setting::FailoverUrls).find(is_variable)?;
        let mut all_bases = self
            .used_all(Setting::BaseUrl)
            .chain(self.overridden(Setting::BaseUrl));
        let in_use = self.used(Setting::FailoverUrls);
        if all_bases.any(|it| is_variable(&it)) || in_use.is_some_and(|it| is_same(it, variable)) {
            return None;
        }
        Some(format!(
            "{} is not used, since the base URL is from {}: they may be of different vaults, and each URL gets the credential; give \
             the URLs with --failover-urls, or where the base URL is",
            variable.origin, base.origin
        ))
    }

    fn override_if(&mut self, is_weaker: impl Fn(&Entry) -> bool) {
        let lost = self.used.extract_if(.., |entry| is_weaker(entry));
        self.overridden.extend(lost);
    }

    fn choose(&mut self, first: &[Setting], second: &[Setting]) {
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

    /// Refuses to send a secret to the base URL of another source, unless both sources have the same one. It may
    /// be that of another vault.
    fn refuse_foreign_credential(&mut self) {
        let base = self.used(Setting::BaseUrl);
        let base = base.filter(|it| it.origin.source() != Source::Flag);
        let Some(base) = base.filter(|_| self.contradictions.is_empty()) else {
            return;
        };
        let is_foreign = |credential: &&Entry| {
            let all = [&self.used, &self.overridden].into_iter().flatten();
            let mut of_same_source = all.filter(|it| {
                it.setting == Setting::BaseUrl && it.origin.source() == credential.origin.source()
            });
            !of_same_source.any(|it| is_same(it, base))
        };
        let credentials = self.all(&[Setting::ClientSecret, Setting::ApiToken]);
        let problems = credentials.filter(is_foreign).map(|entry| {
            format!(
                "the credential is from {}, and the base URL from {}: give --base-url to send the \
                 credential there",
                entry.origin, base.origin
            )
        });
        let problems: Vec<_> = problems.collect();
        self.problems.extend(problems);
    }

    fn find_missing(&mut self) {
        let missing = REQUIRED.iter().flat_map(|required| required.missing(self));
        let missing: Vec<_> = missing.collect();
        self.problems.extend(missing);
    }

    /// Returns true if any of the required settings is set.
    pub(super) fn is_configured(&self) -> bool {
        let mut required = REQUIRED.iter().flat_map(|it| it.alternatives).copied();
        required.any(|settings| self.all(settings).next().is_some())
    }
}

impl Required {
    /// Returns what is missing: all, or the remaining settings of an alternative that has some.
    fn missing(&self, entries: &Entries) -> Vec<String> {
        let has = |setting: &Setting| entries.has(*setting);
        let alternatives = || self.alternatives.iter();
        if alternatives().any(|settings| settings.iter().all(has)) {
            return Vec::new();
        }
        let Some(begun) = alternatives().find(|settings| settings.iter().any(has)) else {
            let names = alternatives().map(|settings| {
                let names = settings.iter().map(|setting| setting.names());
                names.collect::<Vec<_>>().join(" with ")
            });
            let names = names.collect::<Vec<_>>().join(", or ");
            return vec![format!("the {} is missing: give {names}", self.what)];
        };
        let missing = begun.iter().filter(|it| !has(it)).map(|setting| {
            let what = setting.name().replace('_', " ");
            format!("the {what} is missing: give {}", setting.names())
        });
        missing.collect()
    }
}

/// Returns the message if nothing is configured yet.
pub(super) fn not_configured() -> String {
    let [url, credential, key] = REQUIRED.map(|required| required.what);
    let first = REQUIRED
        .iter()
        .filter_map(|required| required.alternatives.first());
    let variables: Vec<_> = first
        .copied()
        .flatten()
        .filter_map(|it| it.variable())
        .collect();
    format!(
        "no vault is configured: the {url}, the {credential} and the {key} are missing; run {}, \
         or set {}, or try a vault on this machine with `helvetisafe-server dev`",
        advice::command("init"),
        variables.join(", ")
    )
}

/// Returns the message if no profile is selected, although there are some.
pub(super) fn not_selected(profiles: &[String]) -> String {
    format!(
        "no vault is selected: the configuration file has no default profile; name one with --profile, or choose \
         the default with {}; the profiles are: {}",
        advice::command("config use PROFILE"),
        profiles.join(", ")
    )
}
