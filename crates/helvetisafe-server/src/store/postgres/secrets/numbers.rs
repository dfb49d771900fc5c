//! The numbers of a write, and its parameters.

use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::Expiry;

use crate::store::postgres::writes::WriteIds;
use crate::store::postgres::{SHARDS, Statement, random};
use crate::store::{Ciphertext, Grant, IdempotencyKey, Moment, SecretWrite, StoreError};

/// The changed shard of a list's version, and its new number. Both are random.
pub(in crate::store::postgres) struct ListChange {
    pub(in crate::store::postgres) shard: i64,
    pub(in crate::store::postgres) number: i64,
}

impl ListChange {
    pub(in crate::store::postgres) fn generate() -> Result<Self, StoreError> {
        Ok(Self {
            shard: random()? % SHARDS,
            number: random()?,
        })
    }
}

/// The write that a request asks for. Different ones with one key are no repetitions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    Create,
    Update,
    Put,
    Delete,
}

/// The numbers of a write.
pub(super) struct Numbers {
    list: ListChange,
    pub(super) ids: WriteIds,
    /// True if it records that it finds no row to write.
    records_refusal: bool,
}

impl Numbers {
    /// Returns the numbers of a write. Those of its repetitions are the same, if they have an idempotency key.
    fn of(
        intent: Intent,
        grant: &Grant,
        key: &KeyName,
        idempotency_key: Option<IdempotencyKey>,
        content: &[&[u8]],
    ) -> Result<Self, StoreError> {
        let organization = grant.tenant.organization.0.to_be_bytes();
        let start: [&[u8]; 3] = [&organization, key.as_str().as_bytes(), &[intent as u8]];
        Ok(Self {
            list: ListChange::generate()?,
            ids: match idempotency_key {
                Some(it) => WriteIds::of(it.with(&[&start, content].concat())),
                None => WriteIds::generate()?,
            },
            // One of the statements of a put writes.
            records_refusal: idempotency_key.is_some() && intent != Intent::Put,
        })
    }

    pub(super) fn of_delete(
        grant: &Grant,
        key: &KeyName,
        idempotency_key: Option<IdempotencyKey>,
    ) -> Result<Self, StoreError> {
        Self::of(Intent::Delete, grant, key, idempotency_key, &[])
    }

    pub(super) fn of_value(intent: Intent, write: &SecretWrite) -> Result<Self, StoreError> {
        let expiry = match write.expiry {
            Expiry::Keep => "keep".to_owned(),
            Expiry::Never => "never".to_owned(),
            Expiry::At(time) => Moment::from(time).0.to_string(),
        };
        let Ciphertext { value, nonce } = &write.ciphertext;
        let content = [value, nonce, &expiry].map(|it| it.as_bytes());
        Self::of(
            intent,
            &write.grant,
            &write.key,
            write.idempotency_key,
            &content,
        )
    }

    pub(super) fn bind_grant(
        &self,
        statement: Statement,
        grant: &Grant,
        key: &KeyName,
        write: i64,
    ) -> Statement {
        statement
            .bind(grant.tenant.organization.0)
            .bind(grant.tenant.key_epoch.0)
            .bind(key.as_str())
            .bind(self.list.shard)
            .bind(self.list.number)
            .bind(grant.token.as_bytes())
            .bind(write)
            .bind(self.records_refusal)
    }

    pub(super) fn bind_write(
        &self,
        statement: Statement,
        write: &SecretWrite,
        id: i64,
    ) -> Statement {
        let time = write.expiry.time().map(|time| Moment::from(time).0);
        self.bind_grant(statement, &write.grant, &write.key, id)
            .bind(self.ids.version())
            .bind(time)
            .bind(&write.ciphertext.value)
            .bind(&write.ciphertext.nonce)
    }
}
