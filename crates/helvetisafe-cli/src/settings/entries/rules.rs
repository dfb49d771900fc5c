//! The rules that select the entries in use, and find what is missing or contradictory.

use super::Entries;
use super::equality::is_same;
use crate::settings::entry::{Entry, Source};
use crate::settings::spec::Setting;

/// Alternatives, of which one is needed.
const AUTHENTICATION: [&[Setting]; 2] = [
    &[Setting::ApiToken],
    &[Setting::ClientId, Setting::ClientSecret],
];
const KEY_SOURCE: [&[Setting]; 2] = [&[Setting::PrivateKey], &[Setting::Password]];

impl Entries {
    /// Applies the rules to all entries that were found.
    pub(super) fn resolve(&mut self) {
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
        let Some(of_profile) = of_profile.cloned() else {
            return;
        };
        self.override_if(|entry| {
            entry.setting == setting
                && entry.origin.source() == Source::Variable
                && is_same(entry, &of_profile)
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

/// Returns the message if nothing is configured yet.
pub(super) fn not_configured() -> String {
    use Setting::{BaseUrl, ClientId, ClientSecret, PrivateKey};
    let variables = [BaseUrl, ClientId, ClientSecret, PrivateKey];
    let variables: Vec<_> = variables.iter().filter_map(|it| it.variable()).collect();
    format!(
        "no vault is configured: the base URL, the credential and the private key are missing; run \
         `helvetisafe init`, or set {}, or try a vault on this machine with `helvetisafe-server dev`",
        variables.join(", ")
    )
}
