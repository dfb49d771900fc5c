//! `POST /oauth/token`: an access token for a service account, RFC 6749 section 4.4.

use axum::http::HeaderMap;
use axum::{Extension, Json};
use helvetisafe_proto::{ErrorCode, Scope, Scopes};
use secrecy::SecretString;
use serde::Serialize;

use super::token_form::{ClientCredentials, SentForm, invalid_request};
use super::{Refusal, VaultState};
use crate::connections::Peer;
use crate::shared::Shared;
use crate::store::{Client, TokenExpiry, TokenKind, TokenRow};
use crate::token::{self, Hash};

/// The body of a successful response, RFC 6749 section 5.1.
#[derive(Serialize)]
pub(super) struct IssuedToken {
    #[serde(serialize_with = "token::exposed")]
    access_token: SecretString,
    token_type: &'static str,
    expires_in: u64,
    scope: String,
}

pub(super) async fn call(
    vault: VaultState,
    headers: HeaderMap,
    peer: Option<Extension<Peer>>,
    SentForm(mut form, _share): SentForm,
) -> Result<Json<IssuedToken>, Refusal> {
    match form.grant_type.as_deref() {
        Some("client_credentials") => {}
        Some(_) => {
            return Err(Refusal::oauth(
                "unsupported_grant_type",
                "the grant type is not supported: send client_credentials",
            ));
        }
        None => {
            return Err(invalid_request(
                "grant_type is missing: send client_credentials",
            ));
        }
    }
    let requested = form.scope.take();
    let credentials = form.credentials(&headers)?;
    let peer = peer.map(|Extension(peer)| peer);
    let client = authenticate(&vault, credentials, peer).await?;
    let scopes = granted(client.scopes, requested.as_deref())?;
    issue(&vault, &client, scopes).await.map(Json)
}

async fn authenticate(
    vault: &Shared,
    sent: ClientCredentials,
    peer: Option<Peer>,
) -> Result<Client, Refusal> {
    let client = if is_client_id(&sent.client_id) {
        vault.store.client(&sent.client_id).await?
    } else {
        None
    };
    let stored = client
        .as_ref()
        .map(|client| client.client_secret_hash.as_slice());
    let is_right = Hash::of(&sent.client_secret).matches(stored);
    let client = client.filter(|_| is_right);
    if let Some(peer) = peer {
        peer.mark(client.is_some());
    }
    let Some(client) = client else {
        return Err(failed(vault, &sent.client_id));
    };
    vault
        .limits
        .login(client.account)
        .map_err(|wait| Refusal::too_many(ErrorCode::TooManyLogins, wait))?;
    Ok(client)
}

/// Returns true for a text that RFC 6749 appendix A.1 allows. Others name no client, and PostgreSQL refuses NUL.
fn is_client_id(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Counts a failed login. Unknown clients and wrong secrets are treated alike, so a response does not
/// reveal which one it was.
fn failed(vault: &Shared, client_id: &str) -> Refusal {
    match vault.limits.failed_login(client_id) {
        Ok(()) => Refusal::INVALID_CLIENT,
        Err(wait) => Refusal::too_many(ErrorCode::TooManyFailedLogins, wait),
    }
}

/// Returns the requested scopes that the account has; if none are requested, all scopes of the account but the
/// administrative ones. The response lists the granted scopes, RFC 6749 section 3.3.
fn granted(account: Scopes, requested: Option<&str>) -> Result<Scopes, Refusal> {
    let Some(requested) = requested else {
        let default = account.iter();
        return Ok(default
            .filter(|&scope| Scopes::ALL.contains(scope))
            .collect());
    };
    let granted: Scopes = requested
        .split_ascii_whitespace()
        .filter_map(|scope| scope.parse::<Scope>().ok())
        .filter(|&scope| account.contains(scope))
        .collect();
    if granted.is_empty() {
        return Err(Refusal::oauth(
            "invalid_scope",
            "the account has none of the requested scopes",
        ));
    }
    Ok(granted)
}

async fn issue(vault: &Shared, client: &Client, scopes: Scopes) -> Result<IssuedToken, Refusal> {
    let access_token = token::generate("hs_access_")?;
    let life = vault.settings.token_life;
    let row = TokenRow {
        hash: Hash::of(&access_token),
        kind: TokenKind::Access,
        account: client.account,
        scopes,
        expiry: TokenExpiry::After(life),
    };
    vault.store.add_token(row).await?;
    Ok(IssuedToken {
        access_token,
        token_type: "Bearer",
        expires_in: life.as_secs(),
        scope: scopes.to_string(),
    })
}
