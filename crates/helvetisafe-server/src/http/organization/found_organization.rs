//! `POST /api/v1/organizations`: founds an organization, which uses up a bootstrap token.

use axum::Json;
use helvetisafe_crypto::organization::{Anchor, Chain, Entry, Event};
use helvetisafe_proto::Scope;
use helvetisafe_proto::endpoint::organization::{Done, Founding};
use sha2::{Digest, Sha256};

use super::checks;
use super::credentials::Bootstrap;
use crate::http::body::JsonBody;
use crate::http::{Refusal, VaultState};
use crate::store::{AccountId, ChainEntry, FoundAct, KeyEpoch, MemberRow};
use crate::token::{self, Hash};

pub(super) async fn call(
    vault: VaultState,
    Bootstrap(bootstrap): Bootstrap,
    JsonBody(founding, share): JsonBody<Founding>,
) -> Result<Json<Done>, Refusal> {
    let act = act(bootstrap, founding)?;
    let found = vault.write(|vault| async move {
        let _share = share;
        vault.store.act(act).await
    });
    found.await?;
    Ok(Json(Done {}))
}

fn act(bootstrap: Hash, founding: Founding) -> Result<FoundAct, Refusal> {
    checks::client_id(&founding.account)?;
    checks::name(&founding.name)?;
    let scopes = checks::scopes(&founding.scopes)?;
    if !scopes.contains(Scope::OrganizationWrite) {
        let remedy = "the founder administers the organization: add organization:write";
        return Err(Refusal::invalid_member("scopes", remedy));
    }
    let public_key = checks::public_key(&founding.public_key)?;
    let key = checks::verification_key(&founding.verification_key)?;
    checks::wrapped_key(&founding.encrypted_org_key)?;
    checks::private_key(founding.private_key.as_ref())?;
    let genesis = checks::entry("genesis", &founding.genesis)?;
    check_genesis(&genesis, &founding, public_key.hash())?;
    Ok(FoundAct {
        bootstrap,
        content: Sha256::digest(serde_json::to_vec(&founding).unwrap_or_default()).into(),
        founder: MemberRow {
            id: AccountId(token::generate_id()?),
            organization: founding.organization.into(),
            name: founding.name,
            client_id: founding.account,
            client_secret_hash: founding.client_secret_hash.to_bytes(),
            scopes,
            public_key: public_key.as_der().to_vec(),
            verification_key: Some(*key.as_bytes()),
            private_key: founding.private_key,
        },
        encrypted_org_key: founding.encrypted_org_key,
        genesis: ChainEntry::from(&genesis),
    })
}

/// Checks that the entry founds this organization with this account.
fn check_genesis(entry: &Entry, founding: &Founding, hash: [u8; 32]) -> Result<(), Refusal> {
    let is_same = match entry.event() {
        Event::Genesis {
            account,
            name,
            public_key_hash,
            key,
            ..
        } => {
            *account == founding.account
                && *name == founding.name
                && *public_key_hash == hash
                && key.as_bytes()[..] == *founding.verification_key.as_ref()
        }
        _ => false,
    };
    let is_first = entry.epoch() == KeyEpoch::FIRST.0.cast_unsigned();
    if !(is_same && is_first) {
        return Err(Refusal::invalid_member(
            "genesis",
            "it is not of this account with its name and keys, or not of epoch 1",
        ));
    }
    let anchor = Anchor::Head(entry.head());
    let organization = founding.organization.to_string();
    Chain::follow(&organization, &anchor, std::slice::from_ref(entry))
        .map(drop)
        .map_err(|error| Refusal::invalid_member("genesis", error))
}
