use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::SecretRecord;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Sqlite;
use super::principals::Found;
use super::readers::Present;
use super::secrets::{ciphertext, dates, select_secret};
use crate::store::token::parse_scopes;
use crate::store::{
    AccountId, KeyEpoch, Moment, OrganizationId, Principal, StoreError, Tenant, TokenKind, TokenRow,
};
use crate::token::Hash;

/// The number of columns of a principal and the expiry of its token.
const PRINCIPAL: usize = 6;

impl Sqlite {
    pub(in crate::store) async fn add_token(&self, token: TokenRow) -> Result<(), StoreError> {
        self.write(move |connection| Ok(insert_token(connection, &token)?))
            .await
    }

    pub(in crate::store) fn principal(&self, hash: &Hash) -> Result<Option<Principal>, StoreError> {
        self.read_rows(|present| {
            let now = Moment::now();
            if let Some(principal) = known(present, hash, now) {
                return Ok(Some(principal));
            }
            let found = select_token(present, hash, now)?;
            Ok(found.map(|found| keep(present, hash, found)))
        })
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
        self.read_rows(|present| {
            let now = Moment::now();
            if let Some(principal) = known(present, hash, now) {
                let record = select_secret(present, principal.tenant, key, now)?;
                return Ok(Some((principal, record)));
            }
            let found = select_token_and_secret(present, hash, key, now)?;
            Ok(found.map(|(found, record)| (keep(present, hash, found), record)))
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

/// Returns the principal of a token, if an earlier read has found it in the same state.
fn known(present: &Present<'_>, token: &Hash, now: Moment) -> Option<Principal> {
    present.principals.as_ref()?.get(token, now)
}

/// Keeps the principal of a token for later reads of the same state.
fn keep(present: &mut Present<'_>, token: &Hash, found: Found) -> Principal {
    if let Some(principals) = &mut present.principals {
        principals.insert(*token, found);
    }
    found.principal
}

/// Finds a token and a secret in one statement, which sees one state also if the connection keeps none.
fn select_token_and_secret(
    connection: &Connection,
    hash: &Hash,
    key: KeyName,
    now: Moment,
) -> Result<Option<(Found, Option<SecretRecord>)>, rusqlite::Error> {
    let mut statement = connection.prepare_cached(
        "SELECT tokens.kind, account, accounts.organization, organizations.key_epoch, \
         tokens.scopes, tokens.expires_at, version, secrets.created_at, updated_at, \
         secrets.expires_at, value, nonce FROM tokens JOIN accounts ON accounts.id = account \
         JOIN organizations ON organizations.id = accounts.organization \
         LEFT JOIN secrets ON secrets.organization = organizations.id \
         AND secrets.key_epoch = organizations.key_epoch AND key = ?3 \
         AND (secrets.expires_at IS NULL OR secrets.expires_at > ?2) \
         WHERE hash = ?1 AND (tokens.expires_at IS NULL OR tokens.expires_at > ?2) \
         AND status = 'active'",
    )?;
    let found = statement.query_row((hash.as_bytes(), now.0, key.as_str()), |row| {
        let record = match row.get_ref(PRINCIPAL)? {
            ValueRef::Null => None,
            _ => Some((dates(row, PRINCIPAL)?, ciphertext(row, PRINCIPAL + 4)?)),
        };
        Ok((found(row)?, record))
    });
    Ok(found.optional()?.map(|(found, record)| {
        let epoch = found.principal.tenant.key_epoch;
        let record = record.map(|(dates, ciphertext)| dates.record(key, epoch, ciphertext));
        (found, record)
    }))
}

pub(super) fn select_principal(
    connection: &Connection,
    hash: &Hash,
    now: Moment,
) -> Result<Option<Principal>, rusqlite::Error> {
    let found = select_token(connection, hash, now)?;
    Ok(found.map(|found| found.principal))
}

fn select_token(
    connection: &Connection,
    hash: &Hash,
    now: Moment,
) -> Result<Option<Found>, rusqlite::Error> {
    let mut statement = connection.prepare_cached(
        "SELECT tokens.kind, account, organization, key_epoch, tokens.scopes, expires_at FROM tokens \
         JOIN accounts ON accounts.id = account JOIN organizations ON organizations.id = organization \
         WHERE hash = ? AND (expires_at IS NULL OR expires_at > ?) AND status = 'active'",
    )?;
    let found = statement.query_row((hash.as_bytes(), now.0), found);
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

/// Reads the first columns of a row.
fn found(row: &Row) -> Result<Found, rusqlite::Error> {
    let principal = Principal {
        kind: TokenKind::of(row.get_ref(0)?.as_str()?),
        account: AccountId(row.get(1)?),
        tenant: Tenant {
            organization: OrganizationId(row.get(2)?),
            key_epoch: KeyEpoch(row.get(3)?),
        },
        scopes: parse_scopes(row.get_ref(4)?.as_str()?),
    };
    Ok(Found {
        principal,
        expires_at: row.get::<_, Option<i64>>(5)?.map(Moment),
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
