//! An organization whose keys our client made, and whose org key it replaces.

use std::fs;

use helvetisafe::organization::{
    AccountKeys, Administrator, Anchor, NewOrgKey, NewOrganization, NewToken, OrganizationId,
    ScopeList,
};
use helvetisafe::{Client, Error, KeySource, OrgKeyRotation, Scope, Scopes};
use helvetisafe_server::Vault;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse battery staple";

/// A vault with one organization.
pub(crate) struct Organization {
    _vault: Vault,
    client: Client,
    keys: AccountKeys,
    anchor: Anchor,
    credentials: Value,
    /// The key of an interrupted rotation, which goes on with it.
    new: Option<NewOrgKey>,
    /// The folder of the private key.
    _folder: TempDir,
}

impl Organization {
    /// Founds it in a vault that accepts writes without the epoch of their org key, or refuses them after a rotation.
    pub(crate) fn found(accepts_writes_without_epoch: bool) -> Self {
        let vault = Vault::builder().accept_writes_without_epoch(accepts_writes_without_epoch);
        let vault = vault.start().unwrap();
        let mut keys = AccountKeys::generate(true).unwrap();
        keys.lock(PASSWORD).unwrap();
        let scopes: Scopes = Scope::ALL
            .iter()
            .chain(Scope::ADMINISTRATIVE)
            .copied()
            .collect();
        let founding = NewOrganization {
            id: OrganizationId::from([7; 8]),
            name: "ada",
            scopes: ScopeList::from(scopes),
            keys: &keys,
        };
        let founded = Client::builder_without_account(vault.base_url())
            .found_organization(&vault.new_bootstrap_token().unwrap(), &founding)
            .unwrap();
        let anchor = Anchor::Key(founded.verification_key);
        let pem = keys.private_key.to_pkcs8_pem().unwrap();
        let source = KeySource::pem(pem.as_bytes());
        let client = Client::builder(vault.base_url(), keys.credentials(), source)
            .scopes(scopes)
            .org_key_rotation(OrgKeyRotation::follow_chain(anchor))
            .connect()
            .unwrap();
        let token = NewToken {
            name: "peer".into(),
            scopes: ScopeList::from(Scopes::ALL),
            expires_at: None,
        };
        let (api_token, _) = client.organization().create_token(&token).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("private-key.pem");
        fs::write(&path, &*pem).unwrap();
        let credentials = json!({
            "base_url": vault.base_url(),
            "client_id": keys.client_id,
            "client_secret": keys.client_secret.expose_secret(),
            "api_token": api_token.expose_secret(),
            "private_key_path": path,
            "private_key_pem": *pem,
            "password": PASSWORD,
        });
        Self {
            _vault: vault,
            client,
            keys,
            anchor,
            credentials,
            new: None,
            _folder: folder,
        }
    }

    /// Returns what the peer needs.
    pub(crate) fn credentials(&self) -> &Value {
        &self.credentials
    }

    /// Returns our client, which follows the chain.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Replaces the org key. Returns its number.
    pub(crate) fn rotate(&mut self) -> Result<u64, Error> {
        let administrator = Administrator {
            signing_key: self.keys.signing_key.as_ref().unwrap(),
            anchor: &self.anchor,
        };
        let new = self
            .new
            .get_or_insert_with(|| NewOrgKey::generate().unwrap());
        let organization = self.client.organization();
        let rotated = organization.rotate(&administrator, new, |_| {})?;
        self.new = None;
        Ok(rotated.key_epoch)
    }
}
