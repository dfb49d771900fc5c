//! The confirmation of a request to join, whose account becomes active.

use helvetisafe_crypto::organization::{Entry, Event};
use helvetisafe_proto::ErrorCode;
use sha2::{Digest, Sha256};

use super::{ChainEntry, chain, insert_key};
use crate::store::act::{ActError, Decision, Record, Statement};
use crate::store::caller::{AccountAct, Caller};
use crate::store::{AccountId, Grant, KeyEpoch, Moment, StoreError};

/// The confirmation of a request to join.
pub(crate) struct ConfirmAct {
    pub(crate) grant: Grant,
    pub(crate) invitation: [u8; 32],
    pub(crate) public_key_hash: [u8; 32],
    pub(crate) key_epoch: KeyEpoch,
    pub(crate) encrypted_org_key: String,
    pub(crate) entries: Vec<Entry>,
    /// The result of checking the entries against the chain. If they were appended before, it does not matter.
    pub(crate) checked: Result<(), ActError>,
}

/// A request that waits for its confirmation, or had it.
struct Request {
    invitation: i64,
    status: String,
    expires_at: Moment,
    account: AccountId,
    client_id: String,
    name: String,
    public_key: Vec<u8>,
    verification_key: Option<Vec<u8>>,
    encrypted_org_key: Option<String>,
}

impl AccountAct for ConfirmAct {
    type Outcome = ();

    fn grant(&self) -> &Grant {
        &self.grant
    }

    fn queries(&self, _: Moment) -> Vec<Statement> {
        let organization = self.grant.tenant.organization;
        let mut queries = vec![
            Statement::new(
                "SELECT invitations.id, invitations.status, expires_at, accounts.id, client_id, invitations.name, \
                 public_key, verification_key, encrypted_org_key FROM invitations \
                 JOIN accounts ON accounts.id = invitations.account \
                 LEFT JOIN account_keys ON account_keys.account = accounts.id AND account_keys.key_epoch = $1 \
                 WHERE invitations.organization = $2 AND secret_hash = $3",
            )
            .bind(self.key_epoch.0)
            .bind(organization.0)
            .bind(&self.invitation[..]),
            chain::positions(organization),
        ];
        let entries = self.entries.iter().map(ChainEntry::from);
        queries.extend(entries.map(|entry| entry.stored(organization)));
        queries
    }

    fn decide(&self, caller: &Caller, now: Moment, found: &[Vec<Record>]) -> Decision<()> {
        let request = found[0].first().ok_or(ErrorCode::RecordNotFound)?;
        let request = Request::read(request)?;
        if request.status == "confirmed" {
            return match self.is_repeated(&request, &found[2..])? {
                true => Ok((Vec::new(), ())),
                false => Err(ErrorCode::IdTaken.into()),
            };
        }
        if request.status != "joined" || request.expires_at <= now {
            return Err(ErrorCode::RecordNotFound.into());
        }
        if self.key_epoch != caller.key_epoch {
            return Err(ErrorCode::KeyEpochMismatch.into());
        }
        if <[u8; 32]>::from(Sha256::digest(&request.public_key)) != self.public_key_hash {
            return Err(ErrorCode::IdTaken.into());
        }
        let events: Vec<_> = self.entries.iter().map(Entry::event).cloned().collect();
        if Some(events) != self.expected(&request) || !caller.has_signed(&self.entries) {
            return Err(ActError::Invalid("entries"));
        }
        self.checked.clone()?;
        chain::check_position(&self.entries, &found[1])?;
        Ok((self.statements(caller, &request, now)?, ()))
    }
}

impl ConfirmAct {
    /// Returns true if the request was confirmed with the same content.
    fn is_repeated(&self, request: &Request, stored: &[Vec<Record>]) -> Result<bool, StoreError> {
        for (entry, rows) in self.entries.iter().zip(stored) {
            if !ChainEntry::from(entry).is_stored(rows)? {
                return Ok(false);
            }
        }
        let key = request.encrypted_org_key.as_deref();
        Ok(!self.entries.is_empty() && key == Some(&*self.encrypted_org_key))
    }

    /// Returns the changes of the chain that confirm a request; `None` if its verification key is damaged.
    fn expected(&self, request: &Request) -> Option<Vec<Event>> {
        let account = || request.client_id.clone();
        let mut events = vec![Event::MemberConfirmed {
            account: account(),
            name: request.name.clone(),
            invitation: self.invitation,
            public_key_hash: self.public_key_hash,
        }];
        if let Some(key) = &request.verification_key {
            events.push(Event::AdministratorAdded {
                account: account(),
                key: super::verification_key(key)?,
            });
        }
        Some(events)
    }

    fn statements(
        &self,
        caller: &Caller,
        request: &Request,
        now: Moment,
    ) -> Result<Vec<Statement>, ActError> {
        let organization = self.grant.tenant.organization;
        let entries = self.entries.iter().map(ChainEntry::from);
        let mut statements: Vec<_> = entries.map(|entry| entry.insert(organization)).collect();
        statements.extend([
            insert_key(request.account, self.key_epoch, &self.encrypted_org_key),
            Statement::new("UPDATE accounts SET status = 'active' WHERE id = $1")
                .bind(request.account.0),
            Statement::new("UPDATE invitations SET status = 'confirmed' WHERE id = $1")
                .bind(request.invitation),
            caller.audit(
                "organization.confirm",
                &request.client_id,
                Some(request.name.clone()),
                now,
            )?,
        ]);
        Ok(statements)
    }
}

impl Request {
    fn read(row: &Record) -> Result<Self, StoreError> {
        Ok(Self {
            invitation: row.integer(0)?,
            status: row.text(1)?.to_owned(),
            expires_at: Moment(row.integer(2)?),
            account: AccountId(row.integer(3)?),
            client_id: row.text(4)?.to_owned(),
            name: row.text(5)?.to_owned(),
            public_key: row.bytes(6)?.to_vec(),
            verification_key: row.optional_bytes(7)?.map(<[u8]>::to_vec),
            encrypted_org_key: row.optional_text(8)?.map(str::to_owned),
        })
    }
}
