//! The routes of the agent and their answers.

use std::sync::OnceLock;
use std::time::Duration;

use helvetisafe::KeyName;
use serde::Serialize;

use super::cache::Cache;
use super::guard::Guard;
use super::http::{Answer, Request};
use super::permits::Permits;
use crate::ui::messages::Messages;
use crate::ui::output::Object;

/// The state that the threads share.
pub(super) struct Agent {
    pub(super) guard: Guard,
    /// Set once the vault has been reached.
    pub(super) cache: OnceLock<Cache>,
    pub(super) permits: Permits,
    pub(super) messages: Messages,
}

/// The answer of `GET /health`.
#[derive(Serialize)]
struct Health {
    status: &'static str,
}

impl Agent {
    pub(super) fn answer(&self, request: &Request) -> Answer {
        let answer = self.route(request).unwrap_or_else(|refusal| refusal);
        self.messages.detail(format_args!(
            "{} {} {}",
            request.method, request.path, answer.status
        ));
        answer
    }

    fn route(&self, request: &Request) -> Result<Answer, Answer> {
        self.guard.check_host(request)?;
        if request.method != "GET" {
            return Err(Answer::error(405, "only GET is served"));
        }
        if request.path == "/health" {
            return Ok(self.health());
        }
        self.guard.check_token(request)?;
        let permit = self.permits.take().ok_or_else(busy)?;
        Ok(self.secrets(&request.path)?.with_permit(permit))
    }

    fn secrets(&self, path: &str) -> Result<Answer, Answer> {
        if path == "/secrets" {
            return all(self.cache()?);
        }
        match path.strip_prefix("/secret/") {
            Some(key) => one(self.cache()?, key),
            None => Err(Answer::error(
                404,
                "unknown path; the paths are /health, /secrets and /secret/KEY",
            )),
        }
    }

    fn health(&self) -> Answer {
        match self.cache.get() {
            Some(_) => Answer::json(200, &Health { status: "ok" }),
            None => starting(Answer::json(503, &Health { status: "starting" })),
        }
    }

    fn cache(&self) -> Result<&Cache, Answer> {
        let not_yet = || starting(Answer::error(503, "the vault has not been reached yet"));
        self.cache.get().ok_or_else(not_yet)
    }
}

fn busy() -> Answer {
    let answer = Answer::error(503, "too many requests are being answered");
    answer.retry_after(Duration::from_secs(1))
}

fn starting(answer: Answer) -> Answer {
    answer.retry_after(Duration::from_secs(1))
}

/// `GET /secrets`: all values by key. The value of a multi-field secret is its JSON text.
fn all(cache: &Cache) -> Result<Answer, Answer> {
    let secrets = cache.all()?;
    let values = secrets
        .iter()
        .map(|secret| (secret.key().as_str(), secret.expose_secret()));
    Ok(Answer::json(200, &Object(values.collect())))
}

/// `GET /secret/KEY`: the value by its key, or all values by their fields.
fn one(cache: &Cache, key: &str) -> Result<Answer, Answer> {
    let unknown = || Answer::error(404, "there is no such secret, or it is not served");
    let key = KeyName::parse(key).map_err(|_| unknown())?;
    let secret = cache.one(&key)?.ok_or_else(unknown)?;
    let fields = secret.fields().iter();
    let mut values: Vec<_> = fields
        .map(|field| (field.name(), field.expose_secret()))
        .collect();
    if values.is_empty() {
        values.push((key.as_str(), secret.expose_secret()));
    }
    Ok(Answer::json(200, &Object(values)))
}
