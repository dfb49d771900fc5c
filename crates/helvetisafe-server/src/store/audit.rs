//! The record of administrative acts, as the database stores it.

mod check;
mod reads;
mod seal;

use helvetisafe_proto::Hex;
use helvetisafe_proto::endpoint::organization::AuditRecord;

use super::{AccountId, Moment, OrganizationId};

pub(crate) use check::{Checked, check};
pub(crate) use reads::AccountReads;

/// An act to record, in the transaction of what it does. It holds no secret.
pub(super) struct Act {
    pub(super) organization: OrganizationId,
    /// The account that acts; `None` for the operator of the vault.
    pub(super) actor: Option<AccountId>,
    /// Its kind, such as `token.create`.
    pub(super) act: &'static str,
    /// The id of what it is about.
    pub(super) subject: String,
    /// More about it, for people.
    pub(super) detail: Option<String>,
}

/// A recorded act, with the client id of the actor.
pub(super) struct ActRow {
    pub(super) id: i64,
    pub(super) at: Moment,
    pub(super) actor: Option<String>,
    pub(super) act: String,
    pub(super) subject: Option<String>,
    pub(super) detail: Option<String>,
}

impl From<ActRow> for AuditRecord {
    fn from(row: ActRow) -> Self {
        Self {
            id: hex(row.id),
            at: row.at.into(),
            actor: row.actor,
            act: row.act,
            subject: row.subject,
            detail: row.detail,
        }
    }
}

/// Returns an id as it is sent.
pub(crate) fn hex(id: i64) -> Hex<8> {
    id.to_be_bytes().into()
}

/// Returns an id as it is stored.
pub(crate) fn stored_id(id: Hex<8>) -> i64 {
    i64::from_be_bytes(id.to_bytes())
}
