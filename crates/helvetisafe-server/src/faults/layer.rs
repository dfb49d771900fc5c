//! The layer that applies faults to requests.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::serve::Listener;
use axum::{Extension, Router};
use helvetisafe_proto::KeyName;
use serde::Deserialize;
use tokio::net::TcpStream;

use super::change::{self, Change};
use super::fault::{AnswerSource, Before};
use super::history::{History, Version};
use super::organization::{Liar, org_key};
use super::wire::{FaultyListener, FaultyStream, Plan, Wire};
use super::{Answer, Fault, Faults, Handled, Lie, Route, Seen};
use crate::connections;
use crate::http::{Calls, principal, report};
use crate::shared::Shared;
use crate::store::{Ciphertext, Principal, Tenant};
use crate::telemetry::ConnectionCounts;

/// The largest request body in bytes, larger than any vault accepts.
const MAX_REQUEST_LEN: usize = 64 * 1024 * 1024;

/// Serves the calls with faults, until `stop` is ready.
pub(crate) async fn serve(
    faults: Faults,
    shared: Arc<Shared>,
    calls: Calls,
    listener: impl Listener<Io = TcpStream, Addr = SocketAddr>,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let bounds = shared.settings.bounds;
    let state = FaultLayer {
        faults,
        shared,
        history: History::default(),
    };
    let calls = Router::new()
        .fallback(move |request: Request| calls.answer(request))
        .layer(from_fn_with_state(state, apply_faults));
    let open = move |stream: FaultyStream| {
        let calls = calls.clone().layer(Extension(stream.wire().clone()));
        std::future::ready(Ok((stream, calls)))
    };
    let counts = ConnectionCounts::default();
    connections::serve(FaultyListener::new(listener), open, bounds, counts, stop).await;
}

#[derive(Clone)]
struct FaultLayer {
    faults: Faults,
    shared: Arc<Shared>,
    history: History,
}

async fn apply_faults(
    State(layer): State<FaultLayer>,
    Extension(wire): Extension<Wire>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_REQUEST_LEN).await else {
        return Answer::status(StatusCode::BAD_REQUEST).into_response();
    };
    let request = ReadRequest::new(parts, body);
    let (index, fault) = layer.faults.add_request(request.log_entry(&wire));
    // In its own task, so that the vault finishes the request, and the log records its result, even if the
    // client disconnects.
    let task = tokio::spawn(async move {
        let plan = fault
            .as_ref()
            .map_or_else(Plan::default, |fault| fault.wire.clone());
        let answer = layer.answer(index, fault, request, next).await;
        wire.begin(plan);
        answer
    });
    let failed = |_| Answer::status(StatusCode::INTERNAL_SERVER_ERROR).into_response();
    task.await.unwrap_or_else(failed)
}

/// A request with its whole body.
struct ReadRequest {
    parts: Parts,
    body: Bytes,
    route: Option<Route>,
    key: Option<String>,
}

impl ReadRequest {
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

    fn log_entry(&self, wire: &Wire) -> Seen {
        Seen {
            method: self.parts.method.to_string(),
            path: self.parts.uri.path().to_owned(),
            route: self.route,
            key: self.key.clone(),
            connection: wire.connection,
            vault: Handled::InProgress,
            fault: None,
        }
    }
}

/// Returns the name of the secret that a request body creates.
fn key_in(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        key: String,
    }
    let body: Body = serde_json::from_slice(body).ok()?;
    Some(body.key)
}

/// The subject of a request.
struct About {
    caller: Option<Principal>,
    route: Option<Route>,
    key: Option<KeyName>,
}

impl FaultLayer {
    /// Returns the answer for the client, before the faults of the connection.
    async fn answer(
        &self,
        index: usize,
        fault: Option<Fault>,
        request: ReadRequest,
        next: Next,
    ) -> Response<Body> {
        let Some(fault) = fault else {
            return self.ask_vault(index, request, next).await.0;
        };
        self.prepare(fault.before).await;
        match fault.answer {
            AnswerSource::Vault => self.ask_vault(index, request, next).await.0,
            AnswerSource::BeforeActing(answer) => {
                self.faults
                    .update_request(index, |seen| seen.vault = Handled::Never);
                answer.into_response()
            }
            AnswerSource::AfterActing(answer) => {
                self.ask_vault(index, request, next).await;
                answer.into_response()
            }
            AnswerSource::Changed(change) => {
                let key = request.key.clone().and_then(|key| KeyName::parse(key).ok());
                let route = request.route;
                let (mut answer, caller) = self.ask_vault(index, request, next).await;
                let about = About { caller, route, key };
                let changed = self.changed(&mut answer, about, change).await;
                changed.unwrap_or_else(|| {
                    self.faults.update_request(index, |seen| seen.fault = None);
                    answer
                })
            }
        }
    }

    async fn prepare(&self, before: Before) {
        match before {
            Before::Nothing => {}
            Before::Wait(time) => tokio::time::sleep(time).await,
            Before::ForgetTokens { api_tokens } => {
                if let Err(error) = self.shared.store.forget_tokens(api_tokens).await {
                    report(&error);
                }
            }
        }
    }

    /// Returns the vault's answer, and the account of the request.
    async fn ask_vault(
        &self,
        index: usize,
        request: ReadRequest,
        next: Next,
    ) -> (Response<Body>, Option<Principal>) {
        let ReadRequest {
            parts,
            body,
            route,
            key,
        } = request;
        let caller = principal(&parts.headers, &self.shared).await;
        let mut answer = next
            .run(Request::from_parts(parts, Body::from(body.clone())))
            .await;
        let status = answer.status();
        if let (true, Some(caller)) = (status.is_success(), caller) {
            match (&key, route) {
                (Some(key), _) => self.record(caller.tenant, route, key, &body),
                (None, Some(route)) => self.record_answer(caller, route, &mut answer).await,
                (None, None) => {}
            }
        }
        self.faults
            .update_request(index, |seen| seen.vault = Handled::Answered(status));
        (answer, caller)
    }

    async fn record_answer(&self, caller: Principal, route: Route, answer: &mut Response<Body>) {
        if route.is_recorded()
            && let Some(bytes) = change::bytes(answer).await
        {
            self.history.record_answer(caller.account, route, &bytes);
        }
    }

    fn record(&self, tenant: Tenant, route: Option<Route>, key: &str, body: &[u8]) {
        match route {
            Some(Route::Delete) => self.history.record(tenant, key, None),
            Some(route) if route.is_write() => {
                let written = serde_json::from_slice(body).ok();
                self.history.record(tenant, key, written);
            }
            _ => {}
        }
    }

    /// Returns the vault's answer with a change; `None` if the answer has nothing to change.
    async fn changed(
        &self,
        answer: &mut Response<Body>,
        about: About,
        change: Change,
    ) -> Option<Response<Body>> {
        let About { caller, route, key } = about;
        match change {
            Change::Flip(part) => change::flip(answer, route?, part).await,
            Change::Forge(forged) => Some(change::record(key?, forged)),
            Change::ListAlso(names) => {
                change::rewritten(answer, |list| Some(change::with_names(list, &names))).await
            }
            Change::Replay(version) if route?.is_recorded() => {
                let earlier = self.earlier(answer, caller?, route?, version).await?;
                Some(Answer::status(StatusCode::OK).json(earlier).into_response())
            }
            Change::Replay(version) => {
                let (tenant, key) = (caller?.tenant, key?);
                let stored = self.history.version(tenant, key.as_str(), version)?;
                Some(change::record(key, stored))
            }
            Change::CiphertextOf(other) => {
                let stored = self.stored(caller?.tenant, other).await?;
                Some(change::record(key?, stored))
            }
            Change::Lie(Lie::OldOrgKey, _) => {
                let old = self.earlier(answer, caller?, route?, Version::Previous);
                let old = serde_json::from_slice(&old.await?).ok()?;
                change::rewritten(answer, |present| Some(org_key::renumbered(old, &present))).await
            }
            Change::Lie(lie, attacker) => {
                let liar = Liar {
                    lie,
                    attacker: &attacker,
                    caller,
                    shared: &self.shared,
                };
                liar.changed(route?, answer).await
            }
        }
    }

    /// Returns an earlier answer to the same account.
    async fn earlier(
        &self,
        answer: &mut Response<Body>,
        caller: Principal,
        route: Route,
        version: Version,
    ) -> Option<Bytes> {
        let present = change::bytes(answer).await?;
        self.history
            .answer(caller.account, route, version, &present)
    }

    async fn stored(&self, tenant: Tenant, key: KeyName) -> Option<Ciphertext> {
        let found = self.shared.store.secret(tenant, key);
        match found.await {
            Ok(record) => record.map(|record| Ciphertext {
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
