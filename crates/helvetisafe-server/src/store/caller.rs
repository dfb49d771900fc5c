//! The acts of an account on its organization. Each checks its credential in its transaction.

use helvetisafe_crypto::organization::Entry;

use super::act::{Act, ActError, Context, Decision, Lock, Record, Statement};
use super::audit::audit;
use super::{AccountId, Grant, KeyEpoch, Moment, OrganizationId, StoreError};

/// An act of an account. It locks the organization, and is refused if its credential is no longer valid.
pub(crate) trait AccountAct: Send + Sync + 'static {
    /// The result of a success.
    type Outcome: Send + 'static;

    /// Returns the right to the act.
    fn grant(&self) -> &Grant;

    /// Returns the reads that the decision needs besides the caller. `now` is the time of the database.
    fn queries(&self, now: Moment) -> Vec<Statement>;

    /// Decides from the rows of each query, as [`Act::decide`].
    fn decide(
        &self,
        caller: &Caller,
        now: Moment,
        found: &[Vec<Record>],
    ) -> Decision<Self::Outcome>;
}

impl<A: AccountAct> Act for A {
    type Outcome = A::Outcome;

    fn lock(&self) -> Lock {
        Lock::Organization(self.grant().tenant.organization)
    }

    fn queries(&self, now: Moment) -> Vec<Statement> {
        let mut queries = vec![caller(self.grant(), now)];
        queries.extend(AccountAct::queries(self, now));
        queries
    }

    fn decide(&self, context: Context, found: &[Vec<Record>]) -> Decision<A::Outcome> {
        let caller = Caller::read(self.grant(), &found[0])?;
        AccountAct::decide(self, &caller, context.now, &found[1..])
    }
}

/// The account that acts, and the state of its organization.
pub(crate) struct Caller {
    pub(super) organization: OrganizationId,
    pub(super) account: AccountId,
    pub(super) client_id: String,
    pub(super) verification_key: Option<Vec<u8>>,
    pub(super) key_epoch: KeyEpoch,
}

/// Returns the query of the account that a grant belongs to. It finds none if the grant is no longer valid.
pub(super) fn caller(grant: &Grant, now: Moment) -> Statement {
    Statement::new(
        "SELECT accounts.id, client_id, verification_key, key_epoch FROM tokens \
         JOIN accounts ON accounts.id = tokens.account \
         JOIN organizations ON organizations.id = accounts.organization WHERE tokens.hash = $1 \
         AND organizations.id = $2 AND accounts.status = 'active' \
         AND (tokens.expires_at IS NULL OR tokens.expires_at > $3)",
    )
    .bind(grant.token)
    .bind(grant.tenant.organization.0)
    .bind(now)
}

impl Caller {
    /// Reads the rows of [`caller`].
    pub(super) fn read(grant: &Grant, rows: &[Record]) -> Result<Self, StoreError> {
        let row = rows.first().ok_or(StoreError::Revoked)?;
        Ok(Self {
            organization: grant.tenant.organization,
            account: AccountId(row.integer(0)?),
            client_id: row.text(1)?.to_owned(),
            verification_key: row.optional_bytes(2)?.map(<[u8]>::to_vec),
            key_epoch: KeyEpoch(row.integer(3)?),
        })
    }

    /// Returns true if all entries name the verification key of the account as their signer.
    pub(super) fn has_signed(&self, entries: &[Entry]) -> bool {
        let key = self.verification_key.as_deref();
        let mut signers = entries.iter().map(|entry| &entry.signer().as_bytes()[..]);
        signers.all(|signer| Some(signer) == key)
    }

    /// Returns the statement that records an act of this account: its kind, the id of its subject, and more about it for
    /// people.
    pub(super) fn audit(
        &self,
        act: &'static str,
        subject: &str,
        detail: Option<String>,
        now: Moment,
    ) -> Result<Statement, ActError> {
        audit(
            self.organization,
            Some(self.account),
            act,
            subject,
            detail,
            now,
        )
    }
}
