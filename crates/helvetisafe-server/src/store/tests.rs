//! The behaviour that all engines share. Each test runs on SQLite in memory, SQLite in a file, and, if there is one, on
//! PostgreSQL twice: by a role that has only the rights of a node, and with serializable transactions, which conflict more often.

mod accounts;
mod api_tokens;
mod audit;
mod concurrent;
mod lists;
mod nodes;
mod organization;
mod rotations;
mod secrets;

use std::any::Any;

use helvetisafe_proto::endpoint::{Expiry, PrivateKeyAnswer};
use helvetisafe_proto::{KeyName, Scopes};

use super::*;
use crate::token::{Hash, generate_id, generate_name};

/// A database with an organization of one account, which has an API token.
pub(super) struct World {
    pub(super) store: Store,
    tenant: Tenant,
    account: AccountId,
    client_id: String,
    token: Hash,
    /// The folder or database of the store, removed after it.
    _home: Box<dyn Any + Send + Sync>,
}

/// Returns a world of each engine.
async fn worlds() -> Vec<World> {
    let folder = tempfile::tempdir().unwrap();
    let file = Database::file(folder.path().join("vault.db"));
    let mut worlds = vec![
        World::of(&Database::in_memory(), ()).await,
        World::of(&file, folder).await,
    ];
    for is_serializable in [false, true] {
        let Some(server) = helvetisafe_test_postgres::database() else {
            break;
        };
        worlds.push(match is_serializable {
            true => {
                server.force_serializable();
                World::of(&server.url().parse().unwrap(), server).await
            }
            false => World::of_node(server).await,
        });
    }
    worlds
}

async fn open(database: &Database) -> Store {
    let store = Store::open(database).await.unwrap();
    store.migrate().await.unwrap();
    store
}

impl World {
    /// Returns a world whose role has the rights that nodes need, and no others.
    async fn of_node(server: helvetisafe_test_postgres::Database) -> Self {
        let database = server.url().parse().unwrap();
        open(&database).await.close().await;
        let (tables, rights) = postgres::needed_rights();
        let grants = tables.into_iter().zip(rights);
        let grants = grants.map(|(table, right)| format!("{right} ON {table}"));
        let grants = grants.chain(["SELECT ON migrations".to_owned()]);
        let password = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(password.path(), "secret").unwrap();
        let url = server.node(&grants.collect::<Vec<_>>(), password.path());
        Self::of(&url.parse().unwrap(), (server, password)).await
    }

    pub(super) async fn of(database: &Database, home: impl Any + Send + Sync) -> Self {
        let store = open(database).await;
        let organization = OrganizationId(generate_id().unwrap());
        let account = account(organization);
        let token = token(account.id, TokenExpiry::Never);
        let world = Self {
            tenant: Tenant {
                organization,
                key_epoch: KeyEpoch::FIRST,
            },
            account: account.id,
            client_id: account.client_id.clone(),
            token: token.hash,
            store,
            _home: Box::new(home),
        };
        world.store.add_tenant(account, token).await.unwrap();
        world
    }

    fn grant(&self) -> Grant {
        Grant {
            token: self.token,
            tenant: self.tenant,
        }
    }

    pub(super) fn write(&self, name: &str, value: &str) -> SecretWrite {
        SecretWrite {
            grant: self.grant(),
            key: key(name),
            ciphertext: Ciphertext {
                value: value.to_owned(),
                nonce: "n".to_owned(),
            },
            expiry: Expiry::Keep,
            versions: None,
            idempotency_key: None,
        }
    }

    pub(super) async fn create(&self, name: &str, value: &str) -> SecretVersion {
        let created = self.store.create_secret(self.write(name, value)).await;
        version(&created.unwrap().unwrap().version)
    }

    /// Returns the value and version that a read finds.
    async fn read(&self, name: &str) -> Option<(String, SecretVersion)> {
        let found = self.store.read_secret(&self.token, Some(key(name))).await;
        let (principal, record) = found.unwrap().unwrap();
        assert_eq!(principal.tenant, self.tenant);
        record.map(|record| (record.value.clone(), version(&record.version)))
    }

    async fn list(&self) -> Vec<String> {
        let list = self.store.list(self.tenant).await.unwrap();
        let (version, _) = self.store.list_version(self.tenant).await.unwrap();
        assert_eq!(list.version, version);
        list.secrets.into_iter().map(|secret| secret.key).collect()
    }
}

pub(super) fn account(organization: OrganizationId) -> AccountRow {
    AccountRow {
        id: AccountId(generate_id().unwrap()),
        organization,
        client_id: generate_name("hs_client_").unwrap(),
        client_secret_hash: Hash::of_text("secret"),
        scopes: Scopes::ALL,
        encrypted_org_key: "wrapped".to_owned(),
        private_key: PrivateKeyAnswer {
            encrypted_private_key: "locked".to_owned(),
            nonce: "nonce".to_owned(),
            salt: "salt".to_owned(),
            auth_tag: "tag".to_owned(),
        },
    }
}

pub(super) fn token(account: AccountId, expiry: TokenExpiry) -> TokenRow {
    TokenRow {
        hash: Hash::of_text(&generate_name("").unwrap()),
        kind: TokenKind::Api,
        account,
        scopes: Scopes::ALL,
        expiry,
    }
}

fn key(name: &str) -> KeyName {
    KeyName::parse(name).unwrap()
}

fn version(version: &Option<helvetisafe_proto::Version>) -> SecretVersion {
    SecretVersion::parse(version.as_ref().unwrap().as_str()).unwrap()
}
