//! The seals of the audit record. Each covers rows that no seal covered before, and the seal before it, so a later
//! hash shows that a row was changed, added or removed.
//!
//! ```text
//! sha256(n) = SHA-256("HelvetiSafe audit seal v1" 0x00 ‖ sha256(n - 1), or 32 zero bytes ‖ organization ‖ n ‖ sealed_at ‖ number of rows
//!             ‖ for each row, in the order of at and id: id, at, actor, act, subject, detail)
//! ```
//!
//! Numbers have 8 bytes, the most significant first. A value of a row is a byte for its kind (0 NULL, 1 integer, 2 text), its length
//! in 8 bytes, and its bytes.

use sha2::{Digest, Sha256};

use crate::store::act::{Act, ActError, Context, Lock, Record, Statement};
use crate::store::{Moment, OrganizationId, Store, StoreError};

const LABEL: &[u8] = b"HelvetiSafe audit seal v1\0";

/// The largest number of rows of a seal.
pub(super) const ROWS: usize = 500;

/// The columns that a seal covers.
macro_rules! sealed_columns {
    () => {
        "id, at, actor, act, subject, detail"
    };
}
pub(super) use sealed_columns;

/// A seal, without its hash.
pub(super) struct Seal {
    pub(super) organization: OrganizationId,
    pub(super) number: i64,
    pub(super) sealed_at: Moment,
}

impl Seal {
    /// Returns the hash over the one before and the rows.
    pub(super) fn hash(&self, before: &[u8; 32], rows: &[Record]) -> [u8; 32] {
        let mut digest = Sha256::new_with_prefix(LABEL);
        digest.update(before);
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        for number in [self.organization.0, self.number, self.sealed_at.0, count] {
            digest.update(number.to_be_bytes());
        }
        for row in rows {
            row.0.iter().for_each(|value| value.add_to(&mut digest));
        }
        digest.finalize().into()
    }
}

/// Seals rows of an organization that have no seal. Returns their number.
struct SealAct(OrganizationId);

impl Act for SealAct {
    type Outcome = usize;

    fn lock(&self) -> Lock {
        Lock::Seals(self.0)
    }

    fn queries(&self, _: Moment) -> Vec<Statement> {
        vec![
            Statement::new(
                "SELECT number, sha256 FROM audit_seals WHERE organization = $1 ORDER BY number DESC LIMIT 1",
            )
            .bind(self.0.0),
            Statement::new(concat!(
                "SELECT ",
                sealed_columns!(),
                " FROM audit WHERE organization = $1 AND seal IS NULL ORDER BY at, id LIMIT 500"
            ))
            .bind(self.0.0),
        ]
    }

    fn decide(
        &self,
        context: Context,
        found: &[Vec<Record>],
    ) -> Result<(Vec<Statement>, usize), ActError> {
        let rows = &found[1];
        if rows.is_empty() {
            return Ok((Vec::new(), 0));
        }
        let (number, before) = match found[0].first() {
            Some(last) => (last.integer(0)?, last.array(1)?),
            None => (0, [0; 32]),
        };
        let seal = Seal {
            organization: self.0,
            number: number.saturating_add(1),
            sealed_at: context.now,
        };
        let insert = Statement::new(
            "INSERT INTO audit_seals (organization, number, acts, sha256, sealed_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(self.0.0)
        .bind(seal.number)
        .bind(i64::try_from(rows.len()).unwrap_or(i64::MAX))
        .bind(&seal.hash(&before, rows)[..])
        .bind(seal.sealed_at);
        let mut statements = vec![insert];
        for row in rows {
            let update = Statement::new("UPDATE audit SET seal = $1 WHERE id = $2");
            statements.push(update.bind(seal.number).bind(row.integer(0)?));
        }
        Ok((statements, rows.len()))
    }
}

impl Store {
    /// Seals all rows of the audit record that have no seal.
    pub(crate) async fn seal_audit(&self) -> Result<(), StoreError> {
        let select = Statement::new(
            "SELECT DISTINCT organization FROM audit WHERE seal IS NULL AND organization IS NOT NULL",
        );
        for row in self.records(select).await? {
            let organization = OrganizationId(row.integer(0)?);
            loop {
                let sealed = self.act(SealAct(organization)).await;
                if sealed.map_err(ActError::into_store)? < ROWS {
                    break;
                }
            }
        }
        Ok(())
    }
}
