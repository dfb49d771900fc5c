//! Bootstrap tokens, and the founding of an organization with one of them.

use std::time::Duration;

use helvetisafe_proto::ErrorCode;

use super::{ChainEntry, MemberRow, insert_key};
use crate::store::act::{Act, ActError, Context, Decision, Lock, Record, Statement};
use crate::store::audit::audit;
use crate::store::{KeyEpoch, Moment, Store, StoreError};
use crate::token::{self, Hash};

/// The life of a bootstrap token.
const BOOTSTRAP_LIFE: Duration = Duration::from_secs(24 * 3600);

/// A bootstrap token to store.
pub(crate) struct BootstrapAct(pub(crate) Hash);

impl Act for BootstrapAct {
    /// The time of expiry.
    type Outcome = Moment;

    fn lock(&self) -> Lock {
        Lock::Bootstrap(self.0)
    }

    fn queries(&self, _: Moment) -> Vec<Statement> {
        Vec::new()
    }

    fn decide(&self, context: Context, _: &[Vec<Record>]) -> Decision<Moment> {
        let expires_at = context.now.after(BOOTSTRAP_LIFE);
        let insert = Statement::new("INSERT INTO bootstraps (hash, expires_at) VALUES ($1, $2)")
            .bind(self.0)
            .bind(expires_at);
        // Tokens that were not used.
        let remove =
            Statement::new("DELETE FROM bootstraps WHERE used_at IS NULL AND expires_at <= $1")
                .bind(context.now);
        Ok((vec![remove, insert], expires_at))
    }
}

/// An organization to found with a bootstrap token.
pub(crate) struct FoundAct {
    pub(crate) bootstrap: Hash,
    /// The SHA-256 of the request, by which a repeated one is recognized.
    pub(crate) content: [u8; 32],
    pub(crate) founder: MemberRow,
    pub(crate) encrypted_org_key: String,
    pub(crate) genesis: ChainEntry,
}

impl Act for FoundAct {
    type Outcome = ();

    fn lock(&self) -> Lock {
        Lock::Bootstrap(self.bootstrap)
    }

    fn queries(&self, _: Moment) -> Vec<Statement> {
        let ids = "SELECT count(*) FROM organizations WHERE id = $1 \
                   UNION ALL SELECT count(*) FROM accounts WHERE client_id = $2";
        vec![
            Statement::new("SELECT expires_at, used_at, founding FROM bootstraps WHERE hash = $1")
                .bind(self.bootstrap),
            Statement::new(ids)
                .bind(self.founder.organization.0)
                .bind(self.founder.client_id.as_str()),
        ]
    }

    fn decide(&self, context: Context, found: &[Vec<Record>]) -> Decision<()> {
        let row = found[0].first().ok_or(ErrorCode::InvalidBootstrap)?;
        if row.optional_integer(1)?.is_some() {
            return match row.optional_bytes(2)? == Some(&self.content[..]) {
                true => Ok((Vec::new(), ())),
                false => Err(ErrorCode::InvalidBootstrap.into()),
            };
        }
        if row.integer(0)? <= context.now.0 {
            return Err(ErrorCode::InvalidBootstrap.into());
        }
        for taken in &found[1] {
            if taken.integer(0)? > 0 {
                return Err(ErrorCode::IdTaken.into());
            }
        }
        Ok((self.statements(context)?, ()))
    }
}

impl FoundAct {
    fn statements(&self, context: Context) -> Result<Vec<Statement>, ActError> {
        let (now, founder) = (context.now, &self.founder);
        let organization = founder.organization;
        let mut statements = vec![
            Statement::new("UPDATE bootstraps SET used_at = $1, founding = $2 WHERE hash = $3")
                .bind(now)
                .bind(&self.content[..])
                .bind(self.bootstrap),
            Statement::new(
                "INSERT INTO organizations (id, key_epoch, created_at) VALUES ($1, $2, $3)",
            )
            .bind(organization.0)
            .bind(KeyEpoch::FIRST.0)
            .bind(now),
        ];
        for shard in 0..context.shards {
            let n = token::generate_id().map_err(|error| StoreError::Failed(error.to_string()))?;
            let insert = Statement::new(
                "INSERT INTO list_versions (organization, shard, n) VALUES ($1, $2, $3)",
            );
            statements.push(insert.bind(organization.0).bind(shard).bind(n));
        }
        statements.extend(founder.insert("active", now));
        statements.push(insert_key(
            founder.id,
            KeyEpoch::FIRST,
            &self.encrypted_org_key,
        ));
        statements.push(self.genesis.insert(organization));
        statements.push(audit(
            organization,
            Some(founder.id),
            "organization.found",
            &founder.client_id,
            Some(founder.name.clone()),
            now,
        )?);
        Ok(statements)
    }
}

impl Store {
    /// Returns true if a bootstrap token is valid, or has founded an organization and may repeat its request.
    pub(crate) async fn is_bootstrap(&self, hash: Hash) -> Result<bool, StoreError> {
        let select = "SELECT expires_at, used_at FROM bootstraps WHERE hash = $1";
        let rows = self.records(Statement::new(select).bind(hash)).await?;
        let Some(row) = rows.first() else {
            return Ok(false);
        };
        Ok(row.optional_integer(1)?.is_some() || row.integer(0)? > self.now().await?.0)
    }
}
