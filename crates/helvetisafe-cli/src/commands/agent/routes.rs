//! The routes of the agent and their answers.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use helvetisafe::KeyName;
use serde::Serialize;

use super::cache::Cache;
use super::guard::Guard;
use super::http::{Answer, Request};
use super::members::Members;
use super::permits::Permits;
use crate::session::outage::{Change, Outage};
use crate::ui::lasting::in_words;
use crate::ui::messages::Messages;
use crate::ui::output::Object;

/// The state that the threads share.
pub(super) struct Agent {
    pub(super) guard: Guard,
    /// Set once the vault has been reached; each reload replaces it.
    pub(super) cache: RwLock<Option<Arc<Cache>>>,
    pub(super) permits: Permits,
    /// Set if `/values` is served.
    pub(super) serves_values: bool,
    /// The state of the vault.
    pub(super) outage: Outage,
    pub(super) messages: Messages,
}

/// The answer of `GET /health` and `GET /ready`.
#[derive(Serialize)]
struct Health {
    status: &'static str,
}

/// The answer of `GET /secrets`.
#[derive(Serialize)]
struct Names<'a> {
    keys: Vec<&'a str>,
}

/// A request for secrets.
enum Wanted<'a> {
    Names,
    One(&'a str),
    All,
}

impl Agent {
    pub(super) fn answer(&self, request: &Request) -> Answer {
        self.logged(request, self.route(request))
    }

    /// Answers only probes, with any `Host`: a kubelet sends the address of the pod.
    pub(super) fn answer_probe(&self, request: &Request) -> Answer {
        let unknown = || Answer::error(404, "only /health and /ready are served here");
        let answer = check_method(request).and_then(|()| self.probe(request).ok_or_else(unknown));
        self.logged(request, answer)
    }

    fn logged(&self, request: &Request, outcome: Result<Answer, Answer>) -> Answer {
        let answer = outcome.unwrap_or_else(|refusal| refusal);
        self.messages.detail(format_args!(
            "{} {} {}",
            request.method, request.path, answer.status
        ));
        answer
    }

    fn route(&self, request: &Request) -> Result<Answer, Answer> {
        self.guard.check_host(request)?;
        check_method(request)?;
        if let Some(answer) = self.probe(request) {
            return Ok(answer);
        }
        self.guard.check_token(request)?;
        let wanted = self.wanted(&request.path)?;
        let permit = self.permits.take().ok_or_else(busy)?;
        let cache = self.cache().ok_or_else(initializing)?;
        let answer = match wanted {
            Wanted::Names => names(&cache),
            Wanted::One(key) => one(&cache, key),
            Wanted::All => all(&cache),
        };
        Ok(answer?.with_permit(permit))
    }

    /// Answers `/health` and `/ready`.
    fn probe(&self, request: &Request) -> Option<Answer> {
        match request.path.as_str() {
            "/health" => Some(Answer::json(200, &Health { status: "ok" })),
            "/ready" => Some(self.readiness()),
            _ => None,
        }
    }

    fn wanted<'a>(&self, path: &'a str) -> Result<Wanted<'a>, Answer> {
        match (path, path.strip_prefix("/secret/")) {
            (_, Some(key)) => Ok(Wanted::One(key)),
            ("/secrets", _) => Ok(Wanted::Names),
            ("/values", _) if self.serves_values => Ok(Wanted::All),
            ("/values", _) => Err(Answer::error(
                404,
                "/values is not served; start the agent with --serve-values",
            )),
            _ => Err(Answer::error(
                404,
                "unknown path; the paths are /health, /ready, /secrets and /secret/KEY",
            )),
        }
    }

    /// Returns the served secrets, once the vault has been reached.
    pub(super) fn cache(&self) -> Option<Arc<Cache>> {
        let cache = self.cache.read().unwrap_or_else(PoisonError::into_inner);
        cache.clone()
    }

    pub(super) fn replace_cache(&self, cache: Cache) {
        let new = Some(Arc::new(cache));
        *self.cache.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    /// Writes the new responses of the vault to the offline cache, if it is used.
    pub(super) fn save(&self) {
        if let Some(cache) = self.cache() {
            cache.save(self.messages);
        }
    }

    /// Reports a change of the vault's state or of the account, once the agent is ready: until then each failure is reported.
    pub(super) fn report_outage(&self) {
        let Some(cache) = self.cache() else { return };
        match self.outage.take_change() {
            Some(Change::Began(cause)) => {
                let serving = cache.fallback();
                let message = format_args!("the vault does not answer: {cause}; {serving}");
                self.messages.note(message);
            }
            Some(Change::Ended(after)) => {
                let after = in_words(after);
                let message = format_args!("the vault answers again, after {after}");
                self.messages.note(message);
            }
            None => {}
        }
        match self.outage.take_refusal() {
            Some(Change::Began(reasons)) => {
                let serving = Cache::without_account();
                let message = format_args!("the vault refuses the account: {reasons}; {serving}");
                self.messages.warning(message);
            }
            Some(Change::Ended(after)) => {
                let after = in_words(after);
                let message = format_args!("the vault accepts the account again, after {after}");
                self.messages.note(message);
            }
            None => {}
        }
    }

    fn readiness(&self) -> Answer {
        match self.cache() {
            Some(_) => Answer::json(200, &Health { status: "ok" }),
            None => starting(Answer::json(503, &Health { status: "starting" })),
        }
    }
}

fn check_method(request: &Request) -> Result<(), Answer> {
    match request.method.as_str() {
        "GET" | "HEAD" => Ok(()),
        _ => Err(Answer::error(405, "only GET and HEAD are served")),
    }
}

fn busy() -> Answer {
    let answer = Answer::error(503, "too many requests are being answered");
    answer.retry_after(Duration::from_secs(1))
}

fn initializing() -> Answer {
    let text = "initializing: the vault has not been reached yet";
    starting(Answer::error(503, text))
}

fn starting(answer: Answer) -> Answer {
    answer.retry_after(Duration::from_secs(1))
}

/// `GET /secrets`: the names.
fn names(cache: &Cache) -> Result<Answer, Answer> {
    let names = cache.names()?;
    let keys = names.iter().map(KeyName::as_str).collect();
    Ok(Answer::json(200, &Names { keys }))
}

/// `GET /values`: all values by key. The value of a multi-field secret is its JSON text.
fn all(cache: &Cache) -> Result<Answer, Answer> {
    let secrets = cache.all()?;
    let values = secrets
        .iter()
        .map(|secret| (secret.key().as_str(), secret.expose_secret()));
    Ok(Answer::json(200, &Object(values.collect())))
}

/// `GET /secret/KEY`: the value by its key, or all values by their fields.
fn one(cache: &Cache, key: &str) -> Result<Answer, Answer> {
    let unknown = || Answer::error(404, "secret not found, or not served");
    let key = KeyName::parse(key).map_err(|_| unknown())?;
    let secret = cache.one(&key)?.ok_or_else(unknown)?;
    let members = Members::of(&secret);
    Ok(Answer::json(200, &Object(members.entries(&secret))))
}
