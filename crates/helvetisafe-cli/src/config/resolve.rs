//! Who wins where a setting is found several times, and what is missing.

use super::Found;
use super::table::Setting;
use crate::failure::Failure;

/// The two authentications, of which one is needed; likewise the two key sources. Where both of
/// one line are found, the one in the stronger place wins as a whole.
const AUTHENTICATION: [&[Setting]; 2] = [
    &[Setting::ApiToken],
    &[Setting::ClientId, Setting::ClientSecret],
];
const KEY_SOURCE: [&[Setting]; 2] = [&[Setting::PrivateKey], &[Setting::Password]];

/// Every setting in use, what lost, and what is wrong with them.
#[derive(Debug)]
pub(super) struct Resolved {
    used: Vec<Found>,
    overridden: Vec<Found>,
    problems: Vec<String>,
}

impl Resolved {
    pub(super) fn new(found: Vec<Found>) -> Self {
        let mut resolved = Self {
            used: found,
            overridden: Vec::new(),
            problems: Vec::new(),
        };
        for setting in Setting::ALL {
            resolved.keep_strongest(&[setting]);
            resolved.refuse_doubled(&[setting]);
        }
        for alternatives in [AUTHENTICATION, KEY_SOURCE] {
            resolved.choose(alternatives);
        }
        resolved.find_missing();
        resolved
    }

    pub(super) fn used(&self, setting: Setting) -> Option<&Found> {
        self.used_all(setting).next()
    }

    pub(super) fn used_all(&self, setting: Setting) -> impl Iterator<Item = &Found> {
        self.used
            .iter()
            .filter(move |found| found.setting == setting)
    }

    pub(super) fn overridden(&self, setting: Setting) -> impl Iterator<Item = &Found> {
        self.overridden
            .iter()
            .filter(move |found| found.setting == setting)
    }

    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.problems.is_empty() {
            return Ok(());
        }
        Err(Failure::usage(format_args!(
            "{}; `helvetisafe config show` shows all settings",
            self.problems.join("; ")
        )))
    }

    /// The strongest place that has one of `settings`.
    fn rank(&self, settings: &[Setting]) -> Option<u8> {
        let ranks = self.all(settings).map(|found| found.place.rank());
        ranks.min()
    }

    fn all(&self, settings: &[Setting]) -> impl Iterator<Item = &Found> {
        self.used
            .iter()
            .filter(|found| settings.contains(&found.setting))
    }

    fn keep_strongest(&mut self, settings: &[Setting]) {
        if let Some(rank) = self.rank(settings) {
            self.override_if(|found| {
                settings.contains(&found.setting) && found.place.rank() > rank
            });
        }
    }

    fn override_if(&mut self, loses: impl Fn(&Found) -> bool) {
        let lost = self.used.extract_if(.., |found| loses(found));
        self.overridden.extend(lost);
    }

    /// Between two alternatives the stronger place decides; in the same place they contradict.
    fn choose(&mut self, alternatives: [&[Setting]; 2]) {
        let [first, second] = alternatives;
        let loser = match (self.rank(first), self.rank(second)) {
            (Some(a), Some(b)) if a < b => second,
            (Some(a), Some(b)) if a > b => first,
            (Some(_), Some(_)) => return self.refuse_doubled(&[first, second].concat()),
            _ => return,
        };
        self.override_if(|found| loser.contains(&found.setting));
    }

    fn refuse_doubled(&mut self, settings: &[Setting]) {
        let places: Vec<_> = self
            .all(settings)
            .map(|found| found.place.to_string())
            .collect();
        if places.len() > 1 {
            self.problems
                .push(format!("set only one of {}", places.join(", ")));
        }
    }

    fn find_missing(&mut self) {
        use Setting::{ApiToken, BaseUrl, ClientId, ClientSecret, Password, PrivateKey};
        let has = |setting| self.used(setting).is_some();
        let mut missing = Vec::new();
        if !has(BaseUrl) {
            missing.push(format!(
                "the base URL is missing: give one of {}",
                BaseUrl.ways()
            ));
        }
        match (has(ApiToken), has(ClientId), has(ClientSecret)) {
            (false, false, false) => missing.push(format!(
                "the authentication is missing: give one of {}; or one of {} with one of {}",
                ApiToken.ways(),
                ClientId.ways(),
                ClientSecret.ways()
            )),
            (false, true, false) => missing.push(format!(
                "the client secret is missing: give one of {}",
                ClientSecret.ways()
            )),
            (false, false, true) => missing.push(format!(
                "the client id is missing: give one of {}",
                ClientId.ways()
            )),
            _ => {}
        }
        if !has(PrivateKey) && !has(Password) {
            missing.push(format!(
                "the private key is missing: give one of {}, {}",
                PrivateKey.ways(),
                Password.ways()
            ));
        }
        self.problems.extend(missing);
    }
}
