//! Secrets. No statement finds an expired one, even before it is removed.
//!
//! A write locks the organization and the token that allow it against a change, writes the row, replaces the number of one
//! shard of the list's version, and records its id: in one statement. One with an idempotency key that finds no row to write
//! records that, so that another attempt at it that arrives later writes none either.

mod numbers;

use helvetisafe_proto::KeyName;
#[cfg(feature = "faults")]
use helvetisafe_proto::endpoint::SecretRecord;
use helvetisafe_proto::endpoint::{CreatedSecret, Expiry, UpdatedSecret};
use sqlx::postgres::PgRow;

use super::writes::Outcome;
use super::{Postgres, Statement, get, now, only};
use crate::store::hold::{hold_time, is_held};
use crate::store::secret::Dates;
use crate::store::{
    Ciphertext, Conditional, Grant, IdempotencyKey, Moment, Put, SecretVersion, SecretWrite,
    StoreError, Tenant,
};
use numbers::{Intent, Numbers};

pub(super) use numbers::ListChange;

/// The columns that `dates` reads.
macro_rules! date_columns {
    () => {
        "version, created_at, updated_at, expires_at"
    };
}

pub(super) use date_columns;

/// The secrets of the tenant $1, $2 that exist now.
macro_rules! live {
    () => {
        concat!(
            "organization = $1 AND key_epoch = $2 AND (expires_at IS NULL OR expires_at > ",
            now!(),
            ")"
        )
    };
}

pub(super) use live;

/// A write of a secret of the tenant $1, $2, that returns `dates` for each row. The parameters are those of `bind_grant`.
/// Its row has whether a rotation holds writes, the epoch of the organization, if the token is valid, and the dates of the
/// written row, if any.
///
/// While a rotation holds writes, the organization is not locked, so that the commit gets its lock.
///
/// A token that is removed while the statement waits for a lock is not found, since the locked rows are read again. The
/// account is not locked, since disabling it removes its tokens.
///
/// `$also` are further parts of the `WITH`, which may use `written`.
macro_rules! write_secret {
    ($write:expr) => {
        write_secret!($write, "")
    };
    ($write:expr, $also:literal) => {
        concat!(
            "WITH hold AS (SELECT ",
            is_held!("$1", now!()),
            " AS is_held), current AS (SELECT organizations.key_epoch FROM organizations \
             JOIN accounts ON accounts.organization = organizations.id \
             JOIN tokens ON tokens.account = accounts.id \
             WHERE organizations.id = $1 AND accounts.status = 'active' AND tokens.hash = $6 \
             AND (tokens.expires_at IS NULL OR tokens.expires_at > ",
            now!(),
            ") AND NOT (SELECT is_held FROM hold) FOR SHARE OF organizations, tokens), written AS (",
            $write,
            " RETURNING ",
            date_columns!(),
            "), ",
            $also,
            "counted AS (UPDATE list_versions SET n = $5 WHERE organization = $1 AND shard = $4 \
             AND EXISTS (SELECT 1 FROM written)), ",
            "recorded AS (INSERT INTO writes (id, at, happened, refused, expires_at) SELECT $7, ",
            now!(),
            ", written.version IS NOT NULL, written.version IS NULL, written.expires_at FROM (SELECT 1) AS one LEFT JOIN written ON true \
             WHERE written.version IS NOT NULL OR $8 AND ",
            granted!(),
            ") SELECT (SELECT is_held FROM hold), (SELECT key_epoch FROM current), ",
            date_columns!(),
            " FROM (SELECT 1) AS one LEFT JOIN written ON true"
        )
    };
}

/// The condition that the token is valid and the epoch that of the organization.
macro_rules! granted {
    () => {
        "EXISTS (SELECT 1 FROM current WHERE key_epoch = $2)"
    };
}

impl Postgres {
    pub(in crate::store) async fn create_secret(
        &self,
        write: &SecretWrite,
    ) -> Result<Option<CreatedSecret>, StoreError> {
        let numbers = Numbers::of_value(Intent::Create, write)?;
        let created = self.create(write, &numbers).await?;
        Ok(created.map(|dates| dates.created(&write.key, write.grant.tenant.key_epoch)))
    }

    pub(in crate::store) async fn update_secret(
        &self,
        write: &SecretWrite,
    ) -> Result<Conditional<UpdatedSecret>, StoreError> {
        let numbers = Numbers::of_value(Intent::Update, write)?;
        let versions = write.versions.as_deref();
        match self.update(write, versions, &numbers).await? {
            Some(dates) => Ok(Conditional::Done(
                dates.updated(&write.key, write.grant.tenant.key_epoch),
            )),
            None => self.unmet(write.grant.tenant, &write.key, versions).await,
        }
    }

    /// Repeats if another request creates or deletes the secret between the two statements.
    pub(in crate::store) async fn put_secret(
        &self,
        write: &SecretWrite,
    ) -> Result<Put, StoreError> {
        let numbers = Numbers::of_value(Intent::Put, write)?;
        loop {
            if let Some(dates) = self.update(write, None, &numbers).await? {
                return Ok(Put::Updated(
                    dates.updated(&write.key, write.grant.tenant.key_epoch),
                ));
            }
            if let Some(dates) = self.create(write, &numbers).await? {
                return Ok(Put::Created(
                    dates.created(&write.key, write.grant.tenant.key_epoch),
                ));
            }
        }
    }

    pub(in crate::store) async fn delete_secret(
        &self,
        grant: Grant,
        key: &KeyName,
        versions: Option<&[SecretVersion]>,
        idempotency_key: Option<IdempotencyKey>,
    ) -> Result<Conditional<()>, StoreError> {
        let numbers = Numbers::of_delete(&grant, key, idempotency_key)?;
        let statement = |id| {
            let delete = write_secret!(
                concat!(
                    "DELETE FROM secrets WHERE ",
                    live!(),
                    " AND key = $3 AND ",
                    granted!(),
                    " AND ($9::bigint[] IS NULL OR version = ANY ($9))"
                ),
                // The values under replaced org keys, and under the next one.
                "others AS (DELETE FROM secrets WHERE organization = $1 AND key = $3 AND key_epoch <> $2 \
                 AND key_epoch = ANY (ARRAY(SELECT generate_series(1, $2 + 1))) AND EXISTS (SELECT 1 FROM written)), "
            );
            let delete = numbers.bind_grant(sqlx::query(delete), &grant, key, id);
            delete.bind(bindable(versions))
        };
        match self.write_row(&grant, &numbers, statement).await? {
            Some(_) => Ok(Conditional::Done(())),
            None => self.unmet(grant.tenant, key, versions).await,
        }
    }

    /// Replaces an expired secret that is not removed yet.
    async fn create(
        &self,
        write: &SecretWrite,
        numbers: &Numbers,
    ) -> Result<Option<Dates>, StoreError> {
        let statement = |id| {
            let insert = write_secret!(concat!(
                "INSERT INTO secrets (organization, key_epoch, key, version, write_id, created_at, \
                 updated_at, expires_at, value, nonce) SELECT $1, $2, $3, $9, $7, ",
                now!(),
                ", ",
                now!(),
                ", $10, $11, $12 WHERE ",
                granted!(),
                " ON CONFLICT (organization, key_epoch, key) DO UPDATE SET \
                 version = excluded.version, write_id = excluded.write_id, \
                 created_at = excluded.created_at, updated_at = excluded.updated_at, \
                 expires_at = excluded.expires_at, value = excluded.value, nonce = excluded.nonce \
                 WHERE secrets.expires_at <= ",
                now!()
            ));
            numbers.bind_write(sqlx::query(insert), write, id)
        };
        self.write_row(&write.grant, numbers, statement).await
    }

    async fn update(
        &self,
        write: &SecretWrite,
        versions: Option<&[SecretVersion]>,
        numbers: &Numbers,
    ) -> Result<Option<Dates>, StoreError> {
        let statement = |id| {
            let update = write_secret!(concat!(
                "UPDATE secrets SET version = $9, write_id = $7, updated_at = ",
                now!(),
                ", expires_at = CASE WHEN $13 THEN expires_at ELSE $10 END, value = $11, nonce = $12 \
                 WHERE ",
                live!(),
                " AND key = $3 AND ",
                granted!(),
                " AND ($14::bigint[] IS NULL OR version = ANY ($14))"
            ));
            let update = numbers.bind_write(sqlx::query(update), write, id);
            update
                .bind(write.expiry == Expiry::Keep)
                .bind(bindable(versions))
        };
        self.write_row(&write.grant, numbers, statement).await
    }

    /// Runs a write. Returns the dates of the row, or `None` if there was none to write.
    async fn write_row(
        &self,
        grant: &Grant,
        numbers: &Numbers,
        statement: impl Fn(i64) -> Statement + Send + Sync,
    ) -> Result<Option<Dates>, StoreError> {
        match self.write_as(&numbers.ids, statement).await? {
            Outcome::Answered(rows) => written(&rows, grant.tenant),
            Outcome::Found(record) => Ok(record.map(|record| Dates {
                version: SecretVersion(numbers.ids.version()),
                // Only the answer to a create has this date.
                created_at: record.at,
                updated_at: record.at,
                expires_at: record.expires_at,
            })),
        }
    }

    /// Explains why a write found no secret. A version never returns, so a secret that exists has another one.
    async fn unmet<T>(
        &self,
        tenant: Tenant,
        key: &KeyName,
        versions: Option<&[SecretVersion]>,
    ) -> Result<Conditional<T>, StoreError> {
        if versions.is_none() {
            return Ok(Conditional::NoSecret);
        }
        let statement = || {
            let select = concat!("SELECT 1 FROM secrets WHERE ", live!(), " AND key = $3");
            sqlx::query(select)
                .bind(tenant.organization.0)
                .bind(tenant.key_epoch.0)
                .bind(key.as_str())
        };
        Ok(match self.repeatable(statement).await?.is_empty() {
            true => Conditional::NoSecret,
            false => Conditional::OtherVersion,
        })
    }

    #[cfg(feature = "faults")]
    pub(in crate::store) async fn secret(
        &self,
        tenant: Tenant,
        key: KeyName,
    ) -> Result<Option<SecretRecord>, StoreError> {
        let statement = || {
            let select = concat!(
                "SELECT ",
                date_columns!(),
                ", value, nonce FROM secrets WHERE ",
                live!(),
                " AND key = $3"
            );
            sqlx::query(select)
                .bind(tenant.organization.0)
                .bind(tenant.key_epoch.0)
                .bind(key.as_str())
        };
        let rows = self.repeatable(statement).await?;
        let record = |row| Ok(dates(row, 0)?.record(key, tenant.key_epoch, ciphertext(row, 4)?));
        rows.first().map(record).transpose()
    }
}

/// Reads the answer to a write: the dates of the row, or `None` if there was none to write.
fn written(rows: &[PgRow], tenant: Tenant) -> Result<Option<Dates>, StoreError> {
    let row = only(rows)?;
    let (is_held, epoch): (bool, Option<i64>) = (get(row, 0)?, get(row, 1)?);
    match epoch {
        None if is_held => return Err(StoreError::Held),
        None => return Err(StoreError::Revoked),
        Some(epoch) if epoch != tenant.key_epoch.0 => return Err(StoreError::OtherEpoch),
        Some(_) => {}
    }
    let version: Option<i64> = get(row, 2)?;
    version.map(|_| dates(row, 2)).transpose()
}

fn bindable(versions: Option<&[SecretVersion]>) -> Option<Vec<i64>> {
    versions.map(|versions| versions.iter().map(|version| version.0).collect())
}

/// Reads the columns of `date_columns!`, of which `first` is the first.
pub(super) fn dates(row: &PgRow, first: usize) -> Result<Dates, StoreError> {
    let expires_at: Option<i64> = get(row, first + 3)?;
    Ok(Dates {
        version: SecretVersion(get(row, first)?),
        created_at: Moment(get(row, first + 1)?),
        updated_at: Moment(get(row, first + 2)?),
        expires_at: expires_at.map(Moment),
    })
}

/// Reads the value and the nonce, of which `first` is the first.
pub(super) fn ciphertext(row: &PgRow, first: usize) -> Result<Ciphertext, StoreError> {
    Ok(Ciphertext {
        value: get(row, first)?,
        nonce: get(row, first + 1)?,
    })
}
