use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::SecretRecord;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Sqlite;
use super::secrets::{ciphertext, dates};
use crate::store::token::parse_scopes;
use crate::store::{
    AccountId, KeyEpoch, Moment, OrganizationId, Principal, StoreError, Tenant, TokenKind, TokenRow,
};
use crate::token::Hash;

/// The number of columns of a principal.
const PRINCIPAL: usize = 5;

impl Sqlite {
    pub(in crate::store) async fn add_token(&self, token: TokenRow) -> Result<(), StoreError> {
        self.write(move |connection| Ok(insert_token(connection, &token)?))
            .await
    }

    pub(in crate::store) fn principal(&self, hash: &Hash) -> Result<Option<Principal>, StoreError> {
        self.read_rows(|connection| select_principal(connection, hash, Moment::now()))
    }

    pub(in crate::store) fn read_secret(
        &self,
        hash: &Hash,
        key: Option<KeyName>,
    ) -> Result<Option<(Principal, Option<SecretRecord>)>, StoreError> {
        let Some(key) = key else {
            let principal = self.principal(hash)?;
            return Ok(principal.map(|principal| (principal, None)));
        };
        self.read_rows(|connection| {
            // One statement takes the locks of a read once.
            let mut statement = connection.prepare_cached(
                "SELECT tokens.kind, account, accounts.organization, organizations.key_epoch, \
                 tokens.scopes, version, secrets.created_at, updated_at, secrets.expires_at, value, \
                 nonce FROM tokens JOIN accounts ON accounts.id = account \
                 JOIN organizations ON organizations.id = accounts.organization \
                 LEFT JOIN secrets ON secrets.organization = organizations.id \
                 AND secrets.key_epoch = organizations.key_epoch AND key = ?3 \
                 AND (secrets.expires_at IS NULL OR secrets.expires_at > ?2) \
                 WHERE hash = ?1 AND (tokens.expires_at IS NULL OR tokens.expires_at > ?2) \
                 AND status = 'active'",
            )?;
            let parameters = (hash.as_bytes(), Moment::now().0, key.as_str());
            let found = statement.query_row(parameters, |row| {
                let record = match row.get_ref(PRINCIPAL)? {
                    ValueRef::Null => None,
                    _ => Some((dates(row, PRINCIPAL)?, ciphertext(row, PRINCIPAL + 4)?)),
                };
                Ok((principal(row)?, record))
            });
            let found = found.optional()?;
            Ok(found.map(|(principal, record)| {
                let epoch = principal.tenant.key_epoch;
                let record = record.map(|(dates, ciphertext)| dates.record(key, epoch, ciphertext));
                (principal, record)
            }))
        })
    }

    pub(in crate::store) async fn revoke(
        &self,
        account: AccountId,
        kind: TokenKind,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.execute(
                "DELETE FROM tokens WHERE account = ? AND kind = ?",
                (account.0, kind.as_str()),
            )?;
            Ok(())
        })
        .await
    }

    #[cfg(feature = "faults")]
    pub(in crate::store) async fn forget_tokens(&self, api_tokens: bool) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.execute(
                "DELETE FROM tokens WHERE kind = ? OR ?",
                (TokenKind::Access.as_str(), api_tokens),
            )?;
            Ok(())
        })
        .await
    }
}

pub(super) fn select_principal(
    connection: &Connection,
    hash: &Hash,
    now: Moment,
) -> Result<Option<Principal>, rusqlite::Error> {
    let mut statement = connection.prepare_cached(
        "SELECT tokens.kind, account, organization, key_epoch, tokens.scopes FROM tokens \
         JOIN accounts ON accounts.id = account JOIN organizations ON organizations.id = organization \
         WHERE hash = ? AND (expires_at IS NULL OR expires_at > ?) AND status = 'active'",
    )?;
    let found = statement.query_row((hash.as_bytes(), now.0), principal);
    found.optional()
}

/// Returns the principal of a credential that is still valid, until the end of the transaction.
pub(super) fn select_caller(
    connection: &Connection,
    credential: &Hash,
) -> Result<Principal, StoreError> {
    let found = select_principal(connection, credential, Moment::now())?;
    found.ok_or(StoreError::Revoked)
}

fn principal(row: &Row) -> Result<Principal, rusqlite::Error> {
    Ok(Principal {
        kind: TokenKind::of(row.get_ref(0)?.as_str()?),
        account: AccountId(row.get(1)?),
        tenant: Tenant {
            organization: OrganizationId(row.get(2)?),
            key_epoch: KeyEpoch(row.get(3)?),
        },
        scopes: parse_scopes(row.get_ref(4)?.as_str()?),
    })
}

pub(super) fn insert_token(
    connection: &Connection,
    token: &TokenRow,
) -> Result<(), rusqlite::Error> {
    let now = Moment::now();
    let mut statement = connection.prepare_cached(
        "INSERT INTO tokens (hash, id, kind, account, scopes, created_at, expires_at) \
         VALUES (?, random(), ?, ?, ?, ?, ?)",
    )?;
    statement.execute(params![
        token.hash.as_bytes(),
        token.kind.as_str(),
        token.account.0,
        token.scopes.to_string(),
        now.0,
        token.expiry.from(now).map(|time| time.0),
    ])?;
    Ok(())
}
