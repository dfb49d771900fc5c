//! Secrets. No statement finds an expired one, even before it is removed.
//!
//! A write locks the organization against a change of its epoch, writes the row, and replaces the number of one shard of
//! the list's version: in this order, in one statement. A write has an id, by which its row is found again if the
//! connection was lost before the answer.

use helvetisafe_proto::KeyName;
#[cfg(feature = "faults")]
use helvetisafe_proto::endpoint::SecretRecord;
use helvetisafe_proto::endpoint::{CreatedSecret, Expiry, UpdatedSecret};
use sqlx::postgres::PgRow;

use super::{Postgres, SHARDS, Statement, get, now, only, random};
use crate::store::secret::Dates;
use crate::store::{
    Ciphertext, Conditional, Moment, Put, SecretVersion, SecretWrite, StoreError, Tenant,
};

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

/// A write of a secret of the tenant $1, $2, that returns `dates` for each row. $4 is a random number for a shard, $5 its
/// next number. Its row has a boolean, true if the epoch is still that of the organization, and the
/// dates of the written row, if any.
macro_rules! write_secret {
    ($write:expr) => {
        concat!(
            "WITH current AS (SELECT id FROM organizations WHERE id = $1 AND key_epoch = $2 FOR SHARE), \
             written AS (",
            $write,
            " RETURNING ",
            date_columns!(),
            "), counted AS (UPDATE list_versions SET n = $5 WHERE organization = $1 AND shard = $4 \
             AND EXISTS (SELECT 1 FROM written)) \
             SELECT EXISTS (SELECT 1 FROM current), ",
            date_columns!(),
            " FROM (SELECT 1) AS one LEFT JOIN written ON true"
        )
    };
}

/// The numbers of a write, all random.
pub(super) struct Numbers {
    pub(super) shard: i64,
    pub(super) list: i64,
    version: i64,
    id: i64,
}

impl Numbers {
    pub(super) fn generate() -> Result<Self, StoreError> {
        Ok(Self {
            shard: random()? % SHARDS,
            list: random()?,
            version: random()?,
            id: random()?,
        })
    }

    fn bind(&self, statement: Statement, tenant: Tenant, key: &KeyName) -> Statement {
        statement
            .bind(tenant.organization.0)
            .bind(tenant.key_epoch.0)
            .bind(key.as_str())
            .bind(self.shard)
            .bind(self.list)
    }

    fn bind_write(&self, statement: Statement, write: &SecretWrite) -> Statement {
        let time = write.expiry.time().map(|time| Moment::from(time).0);
        self.bind(statement, write.tenant, &write.key)
            .bind(self.version)
            .bind(self.id)
            .bind(time)
            .bind(&write.ciphertext.value)
            .bind(&write.ciphertext.nonce)
    }
}

impl Postgres {
    pub(in crate::store) async fn create_secret(
        &self,
        write: SecretWrite,
    ) -> Result<Option<CreatedSecret>, StoreError> {
        let numbers = Numbers::generate()?;
        let created = self.create(&write, &numbers).await?;
        Ok(created.map(|dates| dates.created(&write.key)))
    }

    pub(in crate::store) async fn update_secret(
        &self,
        write: SecretWrite,
    ) -> Result<Conditional<UpdatedSecret>, StoreError> {
        let numbers = Numbers::generate()?;
        let versions = write.versions.as_deref();
        match self.update(&write, versions, &numbers).await? {
            Some(dates) => Ok(Conditional::Done(dates.updated(&write.key))),
            None => self.unmet(write.tenant, &write.key, versions).await,
        }
    }

    /// Repeats if another request creates or deletes the secret between the two statements.
    pub(in crate::store) async fn put_secret(&self, write: SecretWrite) -> Result<Put, StoreError> {
        let numbers = Numbers::generate()?;
        loop {
            if let Some(dates) = self.update(&write, None, &numbers).await? {
                return Ok(Put::Updated(dates.updated(&write.key)));
            }
            if let Some(dates) = self.create(&write, &numbers).await? {
                return Ok(Put::Created(dates.created(&write.key)));
            }
        }
    }

    pub(in crate::store) async fn delete_secret(
        &self,
        tenant: Tenant,
        key: KeyName,
        versions: Option<Vec<SecretVersion>>,
    ) -> Result<Conditional<()>, StoreError> {
        let numbers = Numbers::generate()?;
        let versions = versions.as_deref();
        let statement = || {
            let delete = write_secret!(concat!(
                "DELETE FROM secrets WHERE ",
                live!(),
                " AND key = $3 AND EXISTS (SELECT 1 FROM current) \
                 AND ($6::bigint[] IS NULL OR version = ANY ($6))"
            ));
            let delete = numbers.bind(sqlx::query(delete), tenant, &key);
            delete.bind(bindable(versions))
        };
        match written(&self.once(statement).await?)? {
            Some(_) => Ok(Conditional::Done(())),
            None => self.unmet(tenant, &key, versions).await,
        }
    }

    /// Replaces an expired secret that is not removed yet.
    async fn create(
        &self,
        write: &SecretWrite,
        numbers: &Numbers,
    ) -> Result<Option<Dates>, StoreError> {
        let statement = || {
            let insert = write_secret!(concat!(
                "INSERT INTO secrets (organization, key_epoch, key, version, write_id, created_at, \
                 updated_at, expires_at, value, nonce) SELECT id, $2, $3, $6, $7, ",
                now!(),
                ", ",
                now!(),
                ", $8, $9, $10 FROM current ON CONFLICT (organization, key_epoch, key) DO UPDATE SET \
                 version = excluded.version, write_id = excluded.write_id, \
                 created_at = excluded.created_at, updated_at = excluded.updated_at, \
                 expires_at = excluded.expires_at, value = excluded.value, nonce = excluded.nonce \
                 WHERE secrets.expires_at <= ",
                now!()
            ));
            numbers.bind_write(sqlx::query(insert), write)
        };
        self.write(write, numbers, statement).await
    }

    async fn update(
        &self,
        write: &SecretWrite,
        versions: Option<&[SecretVersion]>,
        numbers: &Numbers,
    ) -> Result<Option<Dates>, StoreError> {
        let statement = || {
            let update = write_secret!(concat!(
                "UPDATE secrets SET version = $6, write_id = $7, updated_at = ",
                now!(),
                ", expires_at = CASE WHEN $11 THEN expires_at ELSE $8 END, value = $9, nonce = $10 \
                 WHERE ",
                live!(),
                " AND key = $3 AND EXISTS (SELECT 1 FROM current) \
                 AND ($12::bigint[] IS NULL OR version = ANY ($12))"
            ));
            let update = numbers.bind_write(sqlx::query(update), write);
            update
                .bind(write.expiry == Expiry::Keep)
                .bind(bindable(versions))
        };
        self.write(write, numbers, statement).await
    }

    /// Runs a write. If its outcome is unknown, it looks for the row.
    async fn write(
        &self,
        write: &SecretWrite,
        numbers: &Numbers,
        statement: impl Fn() -> Statement + Send + Sync,
    ) -> Result<Option<Dates>, StoreError> {
        let lost = match self.once(statement).await {
            Err(StoreError::OutcomeUnknown(reason)) => reason,
            answered => return written(&answered?),
        };
        let look_up = || {
            let select = concat!(
                "SELECT ",
                date_columns!(),
                " FROM secrets WHERE organization = $1 AND key_epoch = $2 AND key = $3 AND write_id = $4"
            );
            sqlx::query(select)
                .bind(write.tenant.organization.0)
                .bind(write.tenant.key_epoch.0)
                .bind(write.key.as_str())
                .bind(numbers.id)
        };
        match self.repeatable(look_up).await {
            Ok(rows) if !rows.is_empty() => dates(only(&rows)?, 0).map(Some),
            _ => Err(StoreError::OutcomeUnknown(lost)),
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
        let record = |row| Ok(dates(row, 0)?.record(key, ciphertext(row, 4)?));
        rows.first().map(record).transpose()
    }
}

/// Reads the answer to a write: the dates of the row, or `None` if there was none to write.
fn written(rows: &[PgRow]) -> Result<Option<Dates>, StoreError> {
    let row = only(rows)?;
    let is_current: bool = get(row, 0)?;
    if !is_current {
        return Err(StoreError::OtherEpoch);
    }
    let version: Option<i64> = get(row, 1)?;
    version.map(|_| dates(row, 1)).transpose()
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
