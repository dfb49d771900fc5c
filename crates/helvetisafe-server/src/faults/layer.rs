//! A request's way through the faults.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::serve::Listener;
use axum::{Extension, Router};
use helvetisafe_proto::KeyName;
use serde::Deserialize;
use tokio::net::TcpStream;

use super::change::{self, Change};
use super::fault::{Before, Whose};
use super::history::{History, Stored};
use super::wire::{FaultyListener, FaultyStream, Plan, Wire};
use super::{Answer, Fault, Faults, Handled, Route, Seen};
use crate::http::{organization, report};
use crate::shared::Shared;
use crate::store::{Moment, OrganizationId};
use crate::vault::connections;

/// The most bytes of a request that are read to see what it is about; more than any vault takes.
const LARGEST_REQUEST: usize = 64 * 1024 * 1024;

/// Serves the calls through the faults, until `stop` is done.
pub(crate) async fn serve(
    faults: Faults,
    shared: Arc<Shared>,
    calls: Router,
    listener: impl Listener<Io = TcpStream, Addr = SocketAddr>,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let bounds = shared.settings.bounds;
    let state = Faulty {
        faults,
        shared,
        history: History::default(),
    };
    let calls = calls.layer(from_fn_with_state(state, misbehave));
    let calls_on = |stream: &FaultyStream| calls.clone().layer(Extension(stream.wire().clone()));
    connections::serve(FaultyListener::new(listener), calls_on, bounds, stop).await;
}

#[derive(Clone)]
struct Faulty {
    faults: Faults,
    shared: Arc<Shared>,
    history: History,
}

async fn misbehave(
    State(faulty): State<Faulty>,
    Extension(wire): Extension<Wire>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_REQUEST).await else {
        return Answer::status(StatusCode::BAD_REQUEST).into();
    };
    let asked = Asked::new(parts, body);
    let (place, fault) = faulty.faults.meet(asked.seen(&wire));
    // In a task of its own: a client that goes away would else stop the vault half-way, and the log
    // could not tell whether a write took effect.
    let task = tokio::spawn(async move {
        let plan = fault
            .as_ref()
            .map_or_else(Plan::default, |fault| fault.wire.clone());
        let answer = faulty.answer(place, fault, asked, next).await;
        wire.begin(plan);
        answer
    });
    let failed = |_| Answer::status(StatusCode::INTERNAL_SERVER_ERROR).into();
    task.await.unwrap_or_else(failed)
}

/// A request, read to its end.
struct Asked {
    parts: Parts,
    body: Bytes,
    route: Option<Route>,
    key: Option<String>,
}

impl Asked {
    fn new(parts: Parts, body: Bytes) -> Self {
        let (route, key) = match Route::of(&parts.method, parts.uri.path()) {
            Some((Route::Create, _)) => (Some(Route::Create), key_in(&body)),
            Some((route, key)) => (Some(route), key),
            None => (None, None),
        };
        Self {
            parts,
            body,
            route,
            key,
        }
    }

    fn seen(&self, wire: &Wire) -> Seen {
        Seen {
            method: self.parts.method.to_string(),
            path: self.parts.uri.path().to_owned(),
            route: self.route,
            key: self.key.clone(),
            connection: wire.connection,
            vault: Handled::UnderWay,
            fault: None,
        }
    }
}

/// The name of the secret that a request body creates.
fn key_in(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        key: String,
    }
    let named: Named = serde_json::from_slice(body).ok()?;
    Some(named.key)
}

/// What is left of a request when the vault has answered it.
struct Subject {
    organization: Option<OrganizationId>,
    key: Option<String>,
}

impl Subject {
    fn key(&self) -> Option<KeyName> {
        KeyName::parse(self.key.as_deref()?).ok()
    }
}

impl Faulty {
    /// The answer for the client, whatever the wire then makes of it.
    async fn answer(
        &self,
        place: usize,
        fault: Option<Fault>,
        asked: Asked,
        next: Next,
    ) -> Response<Body> {
        let Some(fault) = fault else {
            return self.ask_vault(place, asked, next).await.0;
        };
        self.prepare(fault.before).await;
        match fault.answer {
            Whose::Vaults => self.ask_vault(place, asked, next).await.0,
            Whose::Instead(answer) => {
                self.faults.note(place, |seen| seen.vault = Handled::Never);
                answer.into()
            }
            Whose::Afterwards(answer) => {
                self.ask_vault(place, asked, next).await;
                answer.into()
            }
            Whose::Changed(change) => {
                let (mut answer, subject) = self.ask_vault(place, asked, next).await;
                let changed = self.changed(&mut answer, subject, change).await;
                changed.unwrap_or_else(|| {
                    self.faults.note(place, |seen| seen.fault = None);
                    answer
                })
            }
        }
    }

    async fn prepare(&self, before: Before) {
        let forgotten = match before {
            Before::Nothing => Ok(()),
            Before::Wait(time) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
            Before::ForgetAccessTokens => self.shared.forget_tokens(false).await,
            Before::ForgetAllTokens => self.shared.forget_tokens(true).await,
        };
        if let Err(error) = forgotten {
            report(&error);
        }
    }

    /// The vault's own answer, and what the request was about.
    async fn ask_vault(&self, place: usize, asked: Asked, next: Next) -> (Response<Body>, Subject) {
        let Asked {
            parts,
            body,
            route,
            key,
        } = asked;
        let organization = self.organization(&parts.headers).await;
        let answer = next
            .run(Request::from_parts(parts, Body::from(body.clone())))
            .await;
        let status = answer.status();
        if let (true, Some(key), Some(organization)) = (status.is_success(), &key, organization) {
            self.remember(organization, route, key, &body);
        }
        self.faults
            .note(place, |seen| seen.vault = Handled::Answered(status));
        (answer, Subject { organization, key })
    }

    async fn organization(&self, headers: &HeaderMap) -> Option<OrganizationId> {
        organization(headers, &self.shared).await
    }

    fn remember(&self, organization: OrganizationId, route: Option<Route>, key: &str, body: &[u8]) {
        match route {
            Some(Route::Delete) => self.history.wrote(organization, key, None),
            Some(route) if route.is_write() => {
                let stored: Option<Stored> = serde_json::from_slice(body).ok();
                self.history.wrote(organization, key, stored);
            }
            _ => {}
        }
    }

    /// The vault's answer with a change; `None` where there is nothing to change.
    async fn changed(
        &self,
        answer: &mut Response<Body>,
        subject: Subject,
        change: Change,
    ) -> Option<Response<Body>> {
        match change {
            Change::Flip(part) => {
                change::rewritten(answer, |record| change::flipped(record, part)).await
            }
            Change::Forge(forged) => Some(change::record(subject.key()?, forged)),
            Change::ListAlso(names) => {
                change::rewritten(answer, |list| Some(change::with_names(list, &names))).await
            }
            Change::Replay(version) => {
                let (organization, key) = (subject.organization?, subject.key()?);
                let stored = self.history.version(organization, key.as_str(), version)?;
                Some(change::record(key, stored))
            }
            Change::CiphertextOf(other) => {
                let stored = self.stored(subject.organization?, other).await?;
                Some(change::record(subject.key()?, stored))
            }
        }
    }

    async fn stored(&self, organization: OrganizationId, key: KeyName) -> Option<Stored> {
        let found = self.shared.store.secret(organization, key, Moment::now());
        match found.await {
            Ok(record) => record.map(|record| Stored {
                value: record.value,
                nonce: record.nonce,
            }),
            Err(error) => {
                report(&error);
                None
            }
        }
    }
}
