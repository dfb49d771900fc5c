//! The HTTP API. Each call has a file, whose first line is its method and path.
//!
//! A request passes [`Calls`], `unread_body` (checks the head with `head`, and discards the unread part of the body
//! afterwards), `authorized` (authenticates and authorizes it), `body` (reads it if the call takes one),
//! then its call. Every error response is a [`Refusal`].

mod account;
mod authorized;
mod body;
mod ciphertext;
mod create_secret;
mod delete_secret;
mod fetch_token;
mod get_org_key;
mod get_private_key;
mod get_secret;
mod head;
mod health;
mod id_in_path;
mod idempotency;
mod list_secrets;
mod openapi;
mod organization;
mod pieces;
mod precondition;
mod ready;
mod refusal;
mod token_form;
mod unread_body;
mod update_secret;
mod upsert_secret;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, Method};
use axum::response::Response;
use axum::routing::{delete, get, post, put};
use helvetisafe_proto::Endpoint;
use helvetisafe_proto::endpoint::organization::{
    CreateApiToken, ListApiTokens, ListAudit, RevokeApiToken,
};
use helvetisafe_proto::endpoint::{
    CreateSecret, DeleteSecret, FetchToken, GetOrgKey, GetPrivateKey, GetSecret, ListSecrets,
    PAGING, UpdateSecret,
};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use crate::shared::Shared;
use refusal::Refusal;

#[cfg(feature = "faults")]
pub(crate) use authorized::principal;
#[cfg(feature = "faults")]
pub(crate) use refusal::report;

/// The state that all calls share.
type VaultState = axum::extract::State<Arc<Shared>>;

/// All calls, with the checks that every request passes.
///
/// They are no layers of the router: each layer of it would allocate several times for every request.
#[derive(Clone)]
pub(crate) struct Calls {
    router: TowerToHyperService<Router>,
    /// `None` without a database.
    shared: Option<Arc<Shared>>,
}

impl Calls {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            router: TowerToHyperService::new(router(Arc::clone(&shared))),
            shared: Some(shared),
        }
    }

    /// The calls of a vault that has not reached its database.
    pub(crate) fn without_database() -> Self {
        Self {
            router: TowerToHyperService::new(router_without_database()),
            shared: None,
        }
    }

    /// Answers a request.
    pub(crate) async fn answer(self, request: Request) -> Response {
        let call = async |request: Request| {
            // The router allocates for each request, a tenth of a get's instructions, so the most frequent call does not use it.
            if let (Some(shared), Some(key)) = (self.shared, get_secret::plain_key(&request)) {
                return get_secret::answer(request, shared, key).await;
            }
            let answer = self.router.call(request).await;
            answer.unwrap_or_else(|never| match never {})
        };
        announce(unread_body::answer(request, call).await)
    }
}

/// Returns the routes of all calls: the endpoints of the wire crate, and four calls of the vault alone.
fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .merge(endpoint::<FetchToken, _>(fetch_token::call))
        .merge(endpoint::<GetOrgKey, _>(get_org_key::call))
        .merge(endpoint::<GetPrivateKey, _>(get_private_key::call))
        .merge(endpoint::<ListSecrets, _>(list_secrets::call))
        .merge(endpoint::<CreateSecret, _>(create_secret::call))
        .merge(endpoint::<GetSecret, _>(get_secret::call))
        .merge(endpoint::<UpdateSecret, _>(update_secret::call))
        .merge(endpoint::<DeleteSecret, _>(delete_secret::call))
        .merge(endpoint::<CreateApiToken, _>(
            account::create_api_token::call,
        ))
        .merge(endpoint::<ListApiTokens, _>(account::list_api_tokens::call))
        .merge(endpoint::<RevokeApiToken, _>(
            account::revoke_api_token::call,
        ))
        .merge(endpoint::<ListAudit, _>(organization::list_audit::call))
        .merge(organization::router())
        .route(UpdateSecret::PATH, post(upsert_secret::call))
        .route("/health", get(health::call))
        .route("/ready", get(ready::call))
        .route("/openapi.json", get(openapi::call))
        .fallback(async || Refusal::UNKNOWN_PATH)
        .method_not_allowed_fallback(async || Refusal::WRONG_METHOD)
        .with_state(shared)
}

/// Returns the routes of a vault that has not reached its database.
fn router_without_database() -> Router {
    Router::new()
        .route("/health", get(health::call))
        .route("/ready", get(ready::without_database))
        .fallback(async || Refusal::BUSY)
        .method_not_allowed_fallback(async || Refusal::WRONG_METHOD)
}

/// Returns the route of an endpoint. `Authorized` checks its scope.
fn endpoint<E: Endpoint, T: 'static>(call: impl Handler<T, Arc<Shared>>) -> Router<Arc<Shared>> {
    let call = match E::METHOD {
        Method::POST => post(call),
        Method::PUT => put(call),
        Method::DELETE => delete(call),
        // No endpoint has another method.
        _ => get(call),
    };
    Router::new().route(E::PATH, call)
}

/// Forbids HTTP caches to store any response, RFC 9111 section 5.2.2.5, and announces the pages of the list.
fn announce(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PAGING, HeaderValue::from_static("1"));
    response
}
