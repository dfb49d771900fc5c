//! The entries of the signed chain.

use helvetisafe_crypto::organization::Entry;
use helvetisafe_proto::ErrorCode;

use super::verification_key;
use crate::store::act::{ActError, Record, Statement, count};
use crate::store::{Grant, OrganizationId, Store, StoreError};

/// The length of a signature, and of the field that it is in: a length of 8 bytes, and the signature.
const SIGNATURE: usize = 64;
const SIGNATURE_FIELD: usize = 8 + SIGNATURE;

/// An entry as the database stores it.
#[derive(Clone)]
pub(crate) struct ChainEntry {
    pub(crate) position: i64,
    hash: [u8; 32],
    /// The signed content.
    content: Vec<u8>,
    signature: Vec<u8>,
}

impl From<&Entry> for ChainEntry {
    fn from(entry: &Entry) -> Self {
        let (head, mut content) = (entry.head(), entry.to_bytes());
        // Every entry ends with its signature.
        let field = content.split_off(content.len().saturating_sub(SIGNATURE_FIELD));
        Self {
            position: i64::try_from(head.sequence).unwrap_or(i64::MAX),
            hash: head.hash,
            content,
            signature: field[field.len().saturating_sub(SIGNATURE)..].to_vec(),
        }
    }
}

impl ChainEntry {
    /// Returns the statement that appends the entry. Its position must be free.
    pub(in crate::store) fn insert(&self, organization: OrganizationId) -> Statement {
        Statement::new(
            "INSERT INTO chain_entries (organization, position, hash, entry, signature) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(organization.0)
        .bind(self.position)
        .bind(&self.hash[..])
        .bind(&self.content[..])
        .bind(&self.signature[..])
    }

    /// Returns the query of [`is_stored`](Self::is_stored).
    pub(super) fn stored(&self, organization: OrganizationId) -> Statement {
        Statement::new("SELECT hash FROM chain_entries WHERE organization = $1 AND position = $2")
            .bind(organization.0)
            .bind(self.position)
    }

    /// Returns true if the rows of the query have this entry.
    pub(super) fn is_stored(&self, rows: &[Record]) -> Result<bool, StoreError> {
        let hash = rows.first().map(|row| row.bytes(0)).transpose()?;
        Ok(hash == Some(&self.hash))
    }
}

/// Returns the query of [`next_position`].
pub(super) fn positions(organization: OrganizationId) -> Statement {
    Statement::new(
        "SELECT coalesce(max(position), -1) + 1 FROM chain_entries WHERE organization = $1",
    )
    .bind(organization.0)
}

/// Returns the position of the next entry.
pub(super) fn next_position(rows: &[Record]) -> Result<i64, StoreError> {
    count(rows)
}

/// Checks that the first entry has the next position of the chain. The entries were checked against the chain before, to
/// which others may have been appended meanwhile.
pub(super) fn check_position(entries: &[Entry], positions: &[Record]) -> Result<(), ActError> {
    let next = next_position(positions)?;
    let first = entries
        .first()
        .map(|entry| ChainEntry::from(entry).position);
    match first == Some(next) {
        true => Ok(()),
        false => Err(ErrorCode::ChainMoved.into()),
    }
}

/// The place of the next entry, and the verification key that the account of a caller has.
pub(crate) struct ChainEnd {
    next: i64,
    key: Option<Vec<u8>>,
}

impl ChainEnd {
    /// Refuses entries that are not the next ones, or that the caller has not signed: first those that it does not claim to have
    /// signed, and the signatures last, since each takes long compared with a read. `member` names the entries in a refusal.
    pub(crate) fn admit(&self, entries: &[Entry], member: &'static str) -> Result<(), ActError> {
        if self.next == 0 {
            return Err(ErrorCode::NoChain.into());
        }
        let key = self.key.as_deref().and_then(verification_key);
        let key = key.ok_or(ActError::Invalid(member))?;
        if entries.iter().any(|entry| *entry.signer() != key) {
            return Err(ActError::Invalid(member));
        }
        let mut positions = entries.iter().map(|it| ChainEntry::from(it).position);
        if !positions
            .by_ref()
            .zip(self.next..)
            .all(|(given, next)| given == next)
        {
            return Err(ErrorCode::ChainMoved.into());
        }
        match entries.iter().all(|entry| entry.is_signed_by(&key)) {
            true => Ok(()),
            false => Err(ActError::Invalid(member)),
        }
    }
}

impl Store {
    /// Returns the end of the chain of the caller's organization.
    pub(crate) async fn chain_end(&self, caller: &Grant) -> Result<ChainEnd, StoreError> {
        let select = Statement::new(
            "SELECT (SELECT coalesce(max(position), -1) + 1 FROM chain_entries WHERE organization = $1), \
             verification_key FROM tokens JOIN accounts ON accounts.id = tokens.account WHERE tokens.hash = $2",
        );
        let select = select.bind(caller.tenant.organization.0).bind(caller.token);
        let rows = self.records(select).await?;
        let row = rows.first().ok_or(StoreError::Revoked)?;
        Ok(ChainEnd {
            next: row.integer(0)?,
            key: row.optional_bytes(1)?.map(<[u8]>::to_vec),
        })
    }

    /// Returns at most `limit` entries of a chain from a position on, encoded.
    pub(crate) async fn chain(
        &self,
        organization: OrganizationId,
        from: i64,
        limit: i64,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let select = Statement::new(
            "SELECT entry, signature FROM chain_entries WHERE organization = $1 AND position >= $2 \
             ORDER BY position LIMIT $3",
        );
        let select = select.bind(organization.0).bind(from).bind(limit);
        let rows = self.records(select).await?;
        rows.iter().map(encoded).collect()
    }
}

fn encoded(row: &Record) -> Result<Vec<u8>, StoreError> {
    let (content, signature) = (row.bytes(0)?, row.bytes(1)?);
    let length = (signature.len() as u64).to_be_bytes();
    Ok([content, &length, signature].concat())
}
