//! The server in front of the vault, and its answers to the requests of a case.

use std::net::SocketAddr;
use std::sync::Mutex;

use helvetisafe_crypto::{OrgKey, PrivateKey};

use helvetisafe_test_support::PEM;
use helvetisafe_test_support::server::{End, Reply, Request};

use crate::event::Event;

/// A locked private key that is refused without Argon2id.
const NO_KEY: &str =
    r#"{"encrypted_private_key":"AA==","nonce":"AA==","salt":"AA==","auth_tag":"AA=="}"#;

/// The script of the server, and the requests so far.
#[derive(Default)]
pub(crate) struct Stage {
    /// The method and path of the call. The events are those of its requests, in order.
    pub(crate) line: (&'static str, String),
    pub(crate) events: Vec<Option<Event>>,
    pub(crate) always: Option<Event>,
    /// Requests of the call so far.
    pub(crate) requests: usize,
    /// All requests.
    pub(crate) seen: Vec<(String, String)>,
    /// The org key that replaces the vault's, and that seals its secrets.
    pub(crate) rotated: Option<OrgKey>,
}

/// The answer to a request, from the case or from the vault.
pub(crate) fn answer(stage: &Mutex<Stage>, vault: SocketAddr, request: &Request) -> Reply {
    let (event, rotated) = {
        let mut stage = stage.lock().unwrap();
        let event = stage.next_event(request);
        (event, stage.rotated_answer(request))
    };
    let whole = |bytes: Vec<u8>| Reply::new(bytes, End::KeepOpen);
    let Some(event) = event else {
        return whole(rotated.unwrap_or_else(|| request.forward(vault)));
    };
    if event.acted() {
        request.forward(vault);
    }
    let part = |bytes: &[u8], end| Reply::new(bytes, end);
    match &event {
        Event::Unsent(_) | Event::Dead => part(b"", End::Close),
        Event::Reset { .. } => part(b"HTTP/1.1 200 O", End::Reset),
        Event::Truncation { .. } => part(
            b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"keys\":[]",
            End::Close,
        ),
        Event::Silence { .. } => part(b"", End::Silence),
        Event::Status { .. } => whole(event.answer().unwrap_or_default()),
        Event::Unreadable { .. } => part(&event.answer().unwrap_or_default(), End::Close),
    }
}

impl Stage {
    fn next_event(&mut self, request: &Request) -> Option<Event> {
        self.seen
            .push((request.method.clone(), request.path.clone()));
        if !request.is(self.line.0, &self.line.1) {
            return None;
        }
        self.requests += 1;
        let event = self.events.get(self.requests - 1).cloned().flatten();
        self.always.clone().or(event)
    }

    /// Under a rotated org key, every name has a secret.
    fn rotated_answer(&self, request: &Request) -> Option<Vec<u8>> {
        let body = match (&self.rotated, request.path.as_str()) {
            (_, "/api/v1/credentials/private-key") => NO_KEY.to_owned(),
            (Some(key), "/api/v1/credentials/org-key") => {
                let key = PrivateKey::from_pem(PEM)
                    .unwrap()
                    .public_key()
                    .wrap_org_key(key);
                format!(
                    r#"{{"encrypted_org_key":"{}","key_epoch":1}}"#,
                    key.unwrap().encode()
                )
            }
            (Some(key), path) => {
                let name = path.strip_prefix("/api/v1/secrets/")?;
                let text = format!(r#"{{"{name}":"rotated"}}"#);
                let envelope = key.seal(text.as_bytes()).unwrap();
                let (value, nonce) = (envelope.encode_value(), envelope.encode_nonce());
                format!(r#"{{"key":"{name}","value":"{value}","nonce":"{nonce}"}}"#)
            }
            _ => return None,
        };
        Some(
            format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes(),
        )
    }
}
