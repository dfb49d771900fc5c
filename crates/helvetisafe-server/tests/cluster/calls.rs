//! Calls of a vault, each sent once.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use ureq::Agent;
use ureq::http::{Request, Response};

use super::history::Value;

/// The timeout of a call.
const TIMEOUT: Duration = Duration::from_secs(6);

/// An answer, or none that shows if the operation happened.
pub(crate) type Answer = Option<Response<Json>>;

pub(crate) struct Caller {
    url: String,
    agent: Agent,
}

/// A call with a body in JSON, and with a condition.
#[derive(Default)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) token: &'a str,
    pub(crate) body: Option<Json>,
    pub(crate) version: Option<&'a str>,
}

impl Caller {
    pub(crate) fn new(url: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT));
        Self {
            url: url.to_owned(),
            agent: config.build().into(),
        }
    }

    pub(crate) fn send(&self, call: Call<'_>) -> Answer {
        let mut request = Request::builder()
            .method(call.method)
            .uri(format!("{}{}", self.url, call.path))
            .header("authorization", format!("Bearer {}", call.token))
            .header("content-type", "application/json");
        if let Some(version) = call.version {
            request = request.header("if-match", format!("\"{version}\""));
        }
        let answer = match call.body {
            Some(body) => self.agent.run(request.body(body.to_string()).unwrap()),
            None => self.agent.run(request.body(()).unwrap()),
        };
        read(answer.ok()?)
    }

    /// Requests an access token.
    pub(crate) fn log_in(&self, client_id: &str, client_secret: &str) -> Answer {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_secret", client_secret),
        ];
        let url = format!("{}/oauth/token", self.url);
        read(self.agent.post(url).send_form(form).ok()?)
    }
}

fn read(answer: Response<ureq::Body>) -> Answer {
    let (parts, mut body) = answer.into_parts();
    let text = body.read_to_string().ok()?;
    let body = serde_json::from_str(&text).unwrap_or(Json::Null);
    Some(Response::from_parts(parts, body))
}

pub(crate) fn status(answer: &Answer) -> Option<u16> {
    answer.as_ref().map(|answer| answer.status().as_u16())
}

pub(crate) fn name(secret: usize) -> String {
    format!("key_{secret}")
}

pub(crate) fn path(secret: usize) -> String {
    format!("/api/v1/secrets/{}", name(secret))
}

/// Returns a body with the value in the place of a ciphertext.
pub(crate) fn encode(value: Value) -> Json {
    let text = STANDARD.encode(format!("{value:020}"));
    json!({ "value": text, "nonce": STANDARD.encode([0; 12]) })
}

pub(crate) fn decode(body: &Json) -> Value {
    let bytes = STANDARD.decode(body["value"].as_str().unwrap()).unwrap();
    String::from_utf8(bytes).unwrap().parse().unwrap()
}
