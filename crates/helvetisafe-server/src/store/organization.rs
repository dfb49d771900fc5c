//! The administration of an organization: its founding, chain, invitations and members.
//!
//! The SQL is the same for both databases. A change is an [`Act`](super::act::Act), which locks the row of the organization.

mod chain;
mod confirming;
mod founding;
mod invitations;
mod joining;
mod members;
mod rotation;

use helvetisafe_crypto::organization::VerificationKey;
use helvetisafe_proto::Scopes;
use helvetisafe_proto::endpoint::PrivateKeyAnswer;

use super::act::{Record, Statement};
use super::token::parse_scopes;
use super::{AccountId, KeyEpoch, Moment, OrganizationId, Store, StoreError};

pub(crate) use chain::ChainEntry;
pub(crate) use confirming::ConfirmAct;
pub(crate) use founding::{BootstrapAct, FoundAct};
pub(crate) use invitations::{InviteAct, WithdrawAct};
pub(crate) use joining::{JoinAct, Terms};
pub(crate) use members::DisableAct;
pub(crate) use rotation::{AbandonRotationAct, BeginRotationAct, CommitRotationAct, Resealed};

/// The account that a request belongs to, and its organization.
pub(crate) struct AccountDetails {
    pub(crate) organization: OrganizationId,
    pub(crate) key_epoch: KeyEpoch,
    pub(crate) client_id: String,
    pub(crate) name: Option<String>,
    pub(crate) scopes: Scopes,
    pub(crate) has_chain: bool,
}

/// The data of a new member, which made its keys itself.
pub(crate) struct MemberRow {
    pub(crate) id: AccountId,
    pub(crate) organization: OrganizationId,
    pub(crate) name: String,
    pub(crate) client_id: String,
    pub(crate) client_secret_hash: [u8; 32],
    pub(crate) scopes: Scopes,
    /// The SPKI, in DER.
    pub(crate) public_key: Vec<u8>,
    pub(crate) verification_key: Option<[u8; 32]>,
    pub(crate) private_key: Option<PrivateKeyAnswer>,
}

impl Store {
    /// Returns the account of an id; `None` if there is none.
    pub(crate) async fn account_details(
        &self,
        account: AccountId,
    ) -> Result<Option<AccountDetails>, StoreError> {
        let select = "SELECT organizations.id, key_epoch, client_id, accounts.name, scopes, \
                      (SELECT count(*) FROM chain_entries WHERE organization = organizations.id AND position = 0) \
                      FROM accounts JOIN organizations ON organizations.id = accounts.organization \
                      WHERE accounts.id = $1";
        let rows = self.records(Statement::new(select).bind(account.0)).await?;
        let details = |row: &Record| {
            Ok(AccountDetails {
                organization: OrganizationId(row.integer(0)?),
                key_epoch: KeyEpoch(row.integer(1)?),
                client_id: row.text(2)?.to_owned(),
                name: row.optional_text(3)?.map(str::to_owned),
                scopes: parse_scopes(row.text(4)?),
                has_chain: row.integer(5)? > 0,
            })
        };
        rows.first().map(details).transpose()
    }
}

impl MemberRow {
    /// Returns the statements that insert the account.
    fn insert(&self, status: &str, now: Moment) -> Vec<Statement> {
        let account = Statement::new(
            "INSERT INTO accounts (id, organization, name, kind, client_id, client_secret_hash, scopes, public_key, \
             verification_key, status, created_at) VALUES ($1, $2, $3, 'member', $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(self.id.0)
        .bind(self.organization.0)
        .bind(self.name.as_str())
        .bind(self.client_id.as_str())
        .bind(&self.client_secret_hash[..])
        .bind(self.scopes.to_string())
        .bind(&self.public_key[..])
        .bind(self.verification_key.map(Vec::from))
        .bind(status)
        .bind(now);
        let key = self.private_key.as_ref().map(|key| {
            Statement::new(
                "INSERT INTO private_keys (account, ciphertext, nonce, salt, auth_tag) \
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(self.id.0)
            .bind(key.encrypted_private_key.as_str())
            .bind(key.nonce.as_str())
            .bind(key.salt.as_str())
            .bind(key.auth_tag.as_str())
        });
        [account].into_iter().chain(key).collect()
    }
}

/// Returns the statement that stores the org key of an epoch, wrapped for an account.
fn insert_key(account: AccountId, epoch: KeyEpoch, encrypted_org_key: &str) -> Statement {
    Statement::new(
        "INSERT INTO account_keys (account, key_epoch, encrypted_org_key) VALUES ($1, $2, $3)",
    )
    .bind(account.0)
    .bind(epoch.0)
    .bind(encrypted_org_key)
}

/// Returns a verification key from its 32 bytes.
fn verification_key(bytes: &[u8]) -> Option<VerificationKey> {
    VerificationKey::from_bytes(bytes.try_into().ok()?).ok()
}
