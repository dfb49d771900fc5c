//! The addresses of the vault. Each is tested on its own: a client would hide those that fail behind one that works.

mod name;

use helvetisafe::{BaseUrl, ClientBuilder, Error, Failure as Reach, TransportError};

use super::attempt::Attempt;
use super::report::Report;
use crate::commands::reach::has_proxy;
use crate::failure::setting::describe;
use crate::failure::{Failure, Status, USE_HTTPS, may_need_tls};
use crate::session::{Budget, builder, builder_at};
use crate::settings::Settings;
use crate::ui::messages::Messages;
use name::Name;

/// An address, and the attempt to connect to it alone.
struct Address {
    base: BaseUrl,
    attempt: Attempt,
}

/// The addresses of the vault.
pub(super) struct Addresses {
    /// The first one that works, with which the other checks are made; without one, the first of all.
    used: Address,
    /// The other ones in their order, of which `before` come before the used one.
    others: Vec<Address>,
    before: usize,
}

impl Addresses {
    /// Connects to each address.
    pub(super) fn test(
        settings: &Settings,
        bases: Vec<BaseUrl>,
        budget: &Budget,
        messages: Messages,
    ) -> Result<Self, Failure> {
        let count = bases.len();
        let mut tested = Vec::new();
        for (at, base) in bases.into_iter().enumerate() {
            let builder = match count {
                1 => builder(settings, messages)?,
                _ => alone(settings, &base, count - at, budget, messages)?,
            };
            let attempt = budget.spend(|| Attempt::make(builder, messages));
            tested.push(Address { base, attempt });
        }
        let works = tested.iter().position(|it| it.attempt.outcome.is_ok());
        let answers = || tested.iter().position(Address::answers);
        let before = works.or_else(answers).unwrap_or_default();
        if tested.is_empty() {
            return Err(Failure::usage("the base URL is missing"));
        }
        let used = tested.remove(before);
        Ok(Self {
            used,
            others: tested,
            before,
        })
    }

    /// Returns the attempt for the other checks.
    pub(super) fn attempt(&self) -> &Attempt {
        &self.used.attempt
    }

    pub(super) fn into_attempt(self) -> Attempt {
        self.used.attempt
    }

    fn all(&self) -> impl Iterator<Item = &Address> {
        [&self.used].into_iter().chain(&self.others)
    }

    /// Checks that the names of the vault have addresses.
    pub(super) fn check_names(&self, report: &mut Report<'_>) -> Result<(), Failure> {
        let names: Vec<_> = self.all().map(|it| Name::of(&it.base)).collect();
        let is_known = names
            .iter()
            .any(|it| matches!(it, Name::Known(_) | Name::OfProxy(_)));
        let is_complete = names.iter().all(|it| matches!(it, Name::Known(_)));
        let mut texts: Vec<_> = names.iter().map(Name::text).collect();
        texts.dedup();
        let text = texts.join("; ");
        match (is_complete, is_known) {
            (true, _) => report.ok(text),
            (_, true) => report.warning(text),
            _ => return Err(Failure::new(Status::NoAnswer, text)),
        }
        Ok(())
    }

    /// Checks that a server answers at each address. One that is down is a warning if another works.
    pub(super) fn check_connections(
        &self,
        report: &mut Report<'_>,
        settings: &Settings,
    ) -> Result<(), Failure> {
        if let Some(error) = self.used.unanswered() {
            let failure = self.used.failure(error);
            return Err(self.others.iter().fold(failure, |failure, other| {
                failure.with_advice(&other.problem().unwrap_or_default())
            }));
        }
        // Commands do not go on from an address that they do not trust to the next one.
        let mut unanswered = self
            .others
            .iter()
            .filter_map(|it| Some((it, it.unanswered()?)));
        if let Some((other, error)) = unanswered.find(|(_, error)| !error.is_retryable()) {
            return Err(other.failure(error));
        }
        if let Some(failure) = self.refusal_before() {
            return Err(failure);
        }
        if let Some(failure) = self.others.iter().find_map(|it| self.used.is_unlike(it)) {
            return Err(failure);
        }
        // What all answer is for the next checks.
        let works = self.used.attempt.outcome.is_ok();
        let failing = self.others.iter().filter(|it| works || !it.answers());
        let problems = failing.filter_map(|it| match works {
            true => Some(it.problem()? + it.consequence()),
            false => it.problem(),
        });
        let problems: Vec<_> = problems.collect();
        let text = match &settings.plain_http {
            Some(allowed) => allowed.to_string(),
            None => self.transports().to_owned(),
        };
        if !problems.is_empty() {
            let (all, problems) = (self.others.len() + 1, problems.join("; "));
            let (used, verb) = (&self.used.base, if works { "works" } else { "answers" });
            report.warning(format!(
                "{used} {verb}, but not each of the {all} addresses: {problems}; {text}"
            ));
        } else if settings.plain_http.is_some() {
            report.warning(text);
        } else if self.others.is_empty() {
            report.ok(text);
        } else {
            report.ok(format!(
                "each of the {} addresses answers; {text}",
                self.others.len() + 1
            ));
        }
        Ok(())
    }

    /// Returns the failure of an address before the one that works, if it refuses: commands do not go on from it, as they do
    /// from one that is down.
    fn refusal_before(&self) -> Option<Failure> {
        if self.used.attempt.outcome.is_err() {
            return None;
        }
        let mut before = self.others.iter().take(self.before);
        let (address, error) = before.find_map(|it| Some((it, it.refusal()?)))?;
        let failure = Failure::without_doctor(error.clone()).after(&address.base.to_string());
        Some(failure.with_advice(&format!(
            "commands end there, although {} works: the address may belong to another vault; correct or remove it",
            self.used.base
        )))
    }

    fn transports(&self) -> &'static str {
        let is_https = |address: &Address| address.base.is_https();
        match (self.all().all(is_https), self.all().any(is_https)) {
            (true, _) => "TLS, with a trusted certificate",
            (_, false) => "plain HTTP, which is allowed on a loopback address",
            _ => {
                "TLS, with a trusted certificate, or plain HTTP, which is allowed on a loopback address"
            }
        }
    }
}

/// Returns a builder for one address, with its part of the time that is left. The next address is the repetition.
fn alone(
    settings: &Settings,
    base: &BaseUrl,
    left: usize,
    budget: &Budget,
    messages: Messages,
) -> Result<ClientBuilder, Failure> {
    let parts = u32::try_from(left).unwrap_or(u32::MAX);
    let time = budget.left().map(|time| time / parts.max(1));
    Ok(builder_at(settings, base, time, messages)?.attempts(1))
}

impl Address {
    fn answers(&self) -> bool {
        self.attempt.observed.answers > 0
    }

    /// Returns the error, if no server answered.
    fn unanswered(&self) -> Option<&Error> {
        self.attempt.error().filter(|_| !self.answers())
    }

    /// Returns the error, if a server answered and no other address is tried after its answer.
    fn refusal(&self) -> Option<&Error> {
        let error = self.attempt.error()?;
        (self.answers() && !error.is_retryable()).then_some(error)
    }

    /// Returns what follows from its error while another address works.
    fn consequence(&self) -> &'static str {
        match self.refusal() {
            Some(_) => REFUSES,
            None => "",
        }
    }

    /// Returns the failure of a connection, with advice.
    fn failure(&self, error: &Error) -> Failure {
        let failure = Failure::without_doctor(error.clone());
        let reach = error.transport_error().map(TransportError::failure);
        let is_reach = matches!(reach, Some(Reach::NotSent | Reach::TimedOut));
        match error.setting() {
            // The failure has advice of its own.
            Some(_) if !is_reach => failure,
            _ => failure.with_advice(reach_advice(error, &self.base)),
        }
    }

    /// Returns the address and the error, if there is one.
    fn problem(&self) -> Option<String> {
        let error = self.attempt.error()?;
        Some(format!("{}: {}", self.base, describe(error)))
    }

    /// Returns a failure if another address has another org key, so that it is another vault's.
    fn is_unlike(&self, other: &Self) -> Option<Failure> {
        let own = self.attempt.outcome.as_ref().ok()?.org_key_fingerprint();
        let found = other.attempt.outcome.as_ref().ok()?.org_key_fingerprint();
        (own != found).then(|| {
            Failure::new(
                Status::Crypto,
                format_args!(
                    "{} has the org key {own}, and {} has {found}, so they are different vaults; correct the failover URLs",
                    self.base, other.base
                ),
            )
        })
    }
}

/// Returns the advice if nothing answered.
fn reach_advice(error: &Error, base: &BaseUrl) -> &'static str {
    if !base.is_https() && may_need_tls(error) {
        return USE_HTTPS;
    }
    if error
        .transport_error()
        .is_some_and(TransportError::is_without_tls)
    {
        return USE_HTTP;
    }
    match error.transport_error().map(TransportError::failure) {
        Some(Reach::Tls) => "do not continue before its certificate is the right one",
        Some(Reach::Malformed) => "check the base URL: another server than a vault answers there",
        _ if has_proxy(base) => "check that the vault runs, its port, and the proxy in HTTPS_PROXY",
        _ => "check that the vault runs, its port, and the firewalls in between",
    }
}

const REFUSES: &str = "; while the addresses before it are down, commands end with this error: the address may belong to another \
                       vault, so correct or remove it";

const USE_HTTP: &str = "check the port; if the vault has no TLS on purpose, use http:// in the base URL, which to another \
                        machine also needs --allow-plain-http";
