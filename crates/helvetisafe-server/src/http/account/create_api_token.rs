//! `POST /api/v1/account/tokens`: stores the hash of an API token that the client has made.

use axum::Json;
use helvetisafe_proto::endpoint::organization::{ApiTokenRecord, CreateApiToken, NewApiToken};
use helvetisafe_proto::{Scope, ScopeList, Scopes};

use crate::http::authorized::WithAccessToken;
use crate::http::body::JsonBody;
use crate::http::ciphertext::check_expiry;
use crate::http::{Refusal, VaultState};
use crate::store::{CreateApiTokenAct, Moment, NewApiTokenRow};
use crate::token::{self, Hash};

/// The longest name in bytes.
const MAX_NAME: usize = 255;

pub(in crate::http) async fn call(
    vault: VaultState,
    caller: WithAccessToken<CreateApiToken>,
    JsonBody(new, _share): JsonBody<NewApiToken>,
) -> Result<Json<ApiTokenRecord>, Refusal> {
    check_name(&new.name)?;
    let token = NewApiTokenRow {
        hash: Hash::from_bytes(new.hash.to_bytes()),
        id: token::generate_id()?,
        name: new.name,
        scopes: granted(&new.scopes, caller.scopes)?,
        expires_at: new.expires_at.map(Moment::from),
    };
    check_expiry(new.expires_at, &vault.store).await?;
    let grant = caller.grant();
    let act = CreateApiTokenAct { grant, token };
    let created = vault
        .write(|vault| async move { vault.store.act(act).await })
        .await?;
    created
        .map(|token| Json(token.into()))
        .ok_or(Refusal::ID_TAKEN)
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let is_valid = (1..=MAX_NAME).contains(&name.len()) && !name.chars().any(char::is_control);
    is_valid.then_some(()).ok_or_else(|| {
        Refusal::invalid_member("name", "send 1 to 255 bytes without control characters")
    })
}

/// Returns the requested scopes, which have to be within those of the credential. An access token has no scope that its
/// account lacks.
fn granted(requested: &ScopeList, credential: Scopes) -> Result<Scopes, Refusal> {
    let words = requested
        .as_str()
        .split(' ')
        .filter(|word| !word.is_empty());
    let scopes: Result<Scopes, _> = words.map(str::parse::<Scope>).collect();
    let unknown = |_| Refusal::invalid_member("scopes", "the vault does not have one of them");
    let scopes = scopes.map_err(unknown)?;
    match scopes.iter().find(|scope| !credential.contains(*scope)) {
        Some(missing) => Err(Refusal::missing_scope(missing)),
        None if scopes.is_empty() => Err(Refusal::invalid_member("scopes", "send at least one")),
        None => Ok(scopes),
    }
}
