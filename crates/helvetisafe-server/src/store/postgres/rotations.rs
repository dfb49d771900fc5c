//! The staging of secrets for the next org key, and the purge of old ones.

use std::time::Duration;

use helvetisafe_proto::endpoint::organization::UnstagedAnswer;

use super::secrets::ciphertext;
use super::tokens::caller;
use super::writes::{Outcome, micros, record};
use super::{Postgres, get, now, only, random};
use crate::store::hold::{hold_time, next_hold};
use crate::store::rotation::{
    Most, PURGE, Staged, Staging, leftovers, old_epochs, old_keys, old_secrets, unstaged,
    unstaged_secrets,
};
use crate::store::{OrganizationId, SecretVersion, StoreError};

/// Extends the lease of the rotation $2 of the caller by $3, holds writes if $10, and stages secrets: the arrays $4 to $8.
macro_rules! stage {
    () => {
        concat!(
            "WITH ",
            caller!(),
            ", held AS (UPDATE rotations SET lease_until = ",
            now!(),
            " + $3, held_until = ",
            next_hold!("$10", now!()),
            " FROM caller WHERE rotations.id = $2 AND rotations.organization = caller.organization \
             AND rotations.started_by = caller.id AND rotations.ended_at IS NULL \
             AND rotations.to_epoch = caller.key_epoch + 1 \
             RETURNING rotations.organization, rotations.to_epoch), \
             staged AS (INSERT INTO secrets (organization, key_epoch, key, version, write_id, based_on, created_at, \
             updated_at, expires_at, nonce, value) \
             SELECT present.organization, held.to_epoch, present.key, sent.version, $2, present.version, \
             present.created_at, present.updated_at, present.expires_at, sent.nonce, sent.value \
             FROM held CROSS JOIN unnest($4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::text[]) \
             AS sent (key, based_on, version, nonce, value) \
             JOIN secrets AS present ON present.organization = held.organization \
             AND present.key_epoch = held.to_epoch - 1 AND present.key = sent.key \
             AND present.version = sent.based_on \
             ON CONFLICT (organization, key_epoch, key) DO UPDATE SET version = excluded.version, \
             write_id = excluded.write_id, based_on = excluded.based_on, created_at = excluded.created_at, \
             updated_at = excluded.updated_at, expires_at = excluded.expires_at, nonce = excluded.nonce, \
             value = excluded.value), ",
            record!("$9", "NULL::bigint", " FROM held"),
            " SELECT (SELECT id FROM caller), (SELECT count(*) FROM held), \
             (SELECT started_by FROM rotations, caller WHERE rotations.id = $2 \
             AND rotations.organization = caller.organization AND ended_at IS NULL)"
        )
    };
}

impl Postgres {
    pub(in crate::store) async fn unstaged(
        &self,
        organization: OrganizationId,
        rotation: i64,
        most: Most,
    ) -> Result<UnstagedAnswer, StoreError> {
        let count = || {
            let count = concat!("SELECT count(*)", unstaged_secrets!("$1", "$2", now!()));
            sqlx::query(count).bind(rotation).bind(organization.0)
        };
        let page = || {
            let page = concat!(
                "SELECT key, version, value, nonce FROM (SELECT key, version, value, nonce, \
                 sum(octet_length(value)) OVER (ORDER BY key) AS bytes, row_number() OVER (ORDER BY key) AS place \
                 FROM (SELECT present.key, present.version, present.value, present.nonce",
                unstaged_secrets!("$1", "$2", now!()),
                " ORDER BY present.key LIMIT $3) AS few) AS measured \
                 WHERE place = 1 OR bytes <= $4 ORDER BY key"
            );
            sqlx::query(page)
                .bind(rotation)
                .bind(organization.0)
                .bind(i64::from(most.secrets))
                .bind(i64::from(most.bytes))
        };
        let rows = self.long(count).await?;
        let count: i64 = get(only(&rows)?, 0)?;
        let rows = self.long(page).await?;
        let secrets = rows.iter().map(|row| {
            let version = SecretVersion(get(row, 1)?);
            unstaged(get(row, 0)?, version, ciphertext(row, 2)?)
        });
        Ok(UnstagedAnswer {
            secrets: secrets.collect::<Result<_, _>>()?,
            count: count.unsigned_abs(),
        })
    }

    pub(in crate::store) async fn stage(&self, staging: Staging) -> Result<Staged, StoreError> {
        let secrets = || staging.secrets.iter();
        let versions = secrets().map(|_| random());
        let versions = versions.collect::<Result<Vec<_>, _>>()?;
        let keys: Vec<_> = secrets().map(|it| it.key.to_string()).collect();
        let based_on: Vec<_> = secrets().map(|it| it.based_on.0).collect();
        let nonces: Vec<_> = secrets().map(|it| it.ciphertext.nonce.clone()).collect();
        let values: Vec<_> = secrets().map(|it| it.ciphertext.value.clone()).collect();
        let statement = |write: i64| {
            sqlx::query(stage!())
                .bind(staging.credential.as_bytes())
                .bind(staging.rotation)
                .bind(micros(staging.lease))
                .bind(&keys)
                .bind(&based_on)
                .bind(&versions)
                .bind(&nonces)
                .bind(&values)
                .bind(write)
                .bind(staging.hold)
        };
        let rows = match self.write(statement).await? {
            Outcome::Found(_) => return Ok(Staged::Done),
            Outcome::Answered(rows) => rows,
        };
        let row = only(&rows)?;
        let account: Option<i64> = get(row, 0)?;
        account.ok_or(StoreError::Revoked)?;
        let (held, started_by): (i64, Option<i64>) = (get(row, 1)?, get(row, 2)?);
        Ok(match (held, started_by) {
            (1.., _) => Staged::Done,
            (_, Some(starter)) if Some(starter) != account => Staged::OfAnother,
            _ => Staged::NoRotation,
        })
    }

    /// Several nodes may do this at the same time.
    pub(in crate::store) async fn purge(&self, grace: Duration) -> Result<(), StoreError> {
        self.check_standby()?;
        macro_rules! since {
            () => {
                concat!(now!(), " - $1")
            };
        }
        let old = concat!(
            "DELETE FROM secrets WHERE (organization, key_epoch, key) IN \
             (SELECT secrets.organization, secrets.key_epoch, secrets.key FROM ",
            old_secrets!(since!()),
            " LIMIT $2) RETURNING 1"
        );
        let left = concat!(
            "DELETE FROM secrets WHERE (organization, key_epoch, key) IN \
             (SELECT secrets.organization, secrets.key_epoch, secrets.key FROM ",
            leftovers!(),
            " AND $1::bigint IS NOT NULL LIMIT $2) RETURNING 1"
        );
        for delete in [old, left] {
            let batch = || {
                let delete = sqlx::query(delete);
                delete.bind(micros(grace)).bind(PURGE as i64)
            };
            while self.long(batch).await?.len() == PURGE {}
        }
        let keys = || sqlx::query(old_keys!(since!())).bind(micros(grace));
        self.long(keys).await.map(drop)
    }
}
