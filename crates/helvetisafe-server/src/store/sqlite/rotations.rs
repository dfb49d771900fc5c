//! The staging of secrets for the next org key, and the purge of old ones.

use std::time::Duration;

use helvetisafe_proto::endpoint::organization::{Unstaged, UnstagedAnswer};
use rusqlite::{Connection, OptionalExtension, params};

use super::Sqlite;
use super::secrets::ciphertext;
use super::tokens::select_caller;
use super::writer::Batch;
use crate::store::hold::{hold_time, next_hold};
use crate::store::rotation::{
    Most, PURGE, Staged, Staging, leftovers, old_epochs, old_keys, old_secrets, unstaged,
    unstaged_secrets,
};
use crate::store::{Moment, OrganizationId, SecretVersion, StoreError};

impl Sqlite {
    pub(in crate::store) fn unstaged(
        &self,
        organization: OrganizationId,
        rotation: i64,
        most: Most,
    ) -> Result<UnstagedAnswer, StoreError> {
        self.read(|connection| {
            let snapshot = connection.unchecked_transaction()?;
            let count = concat!("SELECT count(*)", unstaged_secrets!("?1", "?2", "?3"));
            let now = Moment::now().0;
            let key = params![rotation, organization.0, now];
            let count: i64 = snapshot.query_row(count, key, |row| row.get(0))?;
            let secrets = select_unstaged(&snapshot, organization, rotation, most)?;
            Ok(secrets.map(|secrets| UnstagedAnswer {
                secrets,
                count: count.unsigned_abs(),
            }))
        })?
    }

    pub(in crate::store) async fn stage(&self, staging: Staging) -> Result<Staged, StoreError> {
        let disk = self.disk.clone();
        self.write(move |connection| {
            if let Some(disk) = &disk {
                disk.check(connection, staging.size())?;
            }
            stage(connection, &staging)
        })
        .await
    }

    pub(in crate::store) async fn purge(&self, grace: Duration) -> Result<(), StoreError> {
        let old = concat!(
            "DELETE FROM secrets WHERE rowid IN (SELECT secrets.rowid FROM ",
            old_secrets!("?1"),
            " LIMIT ?2)"
        );
        let left = concat!(
            "DELETE FROM secrets WHERE rowid IN (SELECT secrets.rowid FROM ",
            leftovers!(),
            " AND ?1 = ?1 LIMIT ?2)"
        );
        let since = Moment::now().before(grace).0;
        for delete in [old, left] {
            let batch = move |connection: &Batch<'_>| {
                Ok(connection.execute(delete, params![since, PURGE as i64])?)
            };
            while self.write(batch).await? == PURGE {}
        }
        let keys = move |connection: &Batch<'_>| Ok(connection.execute(old_keys!("?1"), [since])?);
        self.write(keys).await.map(drop)
    }
}

fn select_unstaged(
    connection: &Connection,
    organization: OrganizationId,
    rotation: i64,
    most: Most,
) -> Result<Result<Vec<Unstaged>, StoreError>, rusqlite::Error> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT present.key, present.version, present.value, present.nonce",
        unstaged_secrets!("?1", "?2", "?3"),
        " ORDER BY present.key LIMIT ?4"
    ))?;
    let now = Moment::now().0;
    let mut rows = statement.query(params![rotation, organization.0, now, most.secrets])?;
    let (mut secrets, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        bytes += row.get_ref(2)?.as_str()?.len();
        if bytes > most.bytes as usize && !secrets.is_empty() {
            break;
        }
        let version = SecretVersion(row.get(1)?);
        match unstaged(row.get(0)?, version, ciphertext(row, 2)?) {
            Ok(secret) => secrets.push(secret),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(secrets))
}

fn stage(connection: &Batch<'_>, staging: &Staging) -> Result<Staged, StoreError> {
    let caller = select_caller(connection, &staging.credential)?;
    let (organization, now) = (caller.tenant.organization, Moment::now());
    let select =
        "SELECT started_by FROM rotations WHERE id = ? AND organization = ? AND ended_at IS NULL";
    let key = [staging.rotation, organization.0];
    let started_by: Option<i64> = connection
        .query_row(select, key, |row| row.get(0))
        .optional()?;
    match started_by {
        None => return Ok(Staged::NoRotation),
        Some(account) if account != caller.account.0 => return Ok(Staged::OfAnother),
        Some(_) => {}
    }
    let update = concat!(
        "UPDATE rotations SET lease_until = ?2, held_until = ",
        next_hold!("?3", "?4"),
        " WHERE id = ?1"
    );
    let lease = now.after(staging.lease).0;
    let held = params![staging.rotation, lease, staging.hold, now.0];
    connection.execute(update, held)?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO secrets (organization, key_epoch, key, version, write_id, based_on, created_at, updated_at, \
         expires_at, nonce, value) \
         SELECT organization, key_epoch + 1, key, random(), ?5, version, created_at, updated_at, expires_at, ?6, ?7 \
         FROM secrets WHERE organization = ?1 AND key_epoch = ?2 AND key = ?3 AND version = ?4 \
         ON CONFLICT (organization, key_epoch, key) DO UPDATE SET version = excluded.version, \
         write_id = excluded.write_id, based_on = excluded.based_on, created_at = excluded.created_at, \
         updated_at = excluded.updated_at, expires_at = excluded.expires_at, nonce = excluded.nonce, \
         value = excluded.value",
    )?;
    for secret in &staging.secrets {
        statement.execute(params![
            organization.0,
            caller.tenant.key_epoch.0,
            secret.key.as_str(),
            secret.based_on.0,
            staging.rotation,
            secret.ciphertext.nonce,
            secret.ciphertext.value,
        ])?;
    }
    Ok(Staged::Done)
}
