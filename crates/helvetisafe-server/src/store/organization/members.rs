//! Members: confirmed, listed and disabled.

use helvetisafe_crypto::organization::{Entry, Event};
use helvetisafe_proto::endpoint::organization::{Member, MemberStatus};
use helvetisafe_proto::{Base64, ErrorCode};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{Caller, ChainEntry, audit, caller, chain, insert_key};
use crate::store::act::{Act, ActError, Context, Lock, Record, Statement};
use crate::store::token::parse_scopes;
use crate::store::{AccountId, Grant, KeyEpoch, Moment, OrganizationId, Store, StoreError};

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

impl Act for ConfirmAct {
    type Outcome = ();

    fn lock(&self) -> Lock {
        Lock::Organization(self.grant.tenant.organization)
    }

    fn queries(&self, now: Moment) -> Vec<Statement> {
        let organization = self.grant.tenant.organization;
        let mut queries = vec![
            caller(&self.grant, now),
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

    fn decide(
        &self,
        context: Context,
        found: &[Vec<Record>],
    ) -> Result<(Vec<Statement>, ()), ActError> {
        let caller = Caller::read(&found[0])?;
        let request = found[1].first().ok_or(ErrorCode::RecordNotFound)?;
        let request = Request::read(request)?;
        if request.status == "confirmed" {
            return match self.is_repeated(&request, &found[3..])? {
                true => Ok((Vec::new(), ())),
                false => Err(ErrorCode::IdTaken.into()),
            };
        }
        if request.status != "joined" || request.expires_at <= context.now {
            return Err(ErrorCode::RecordNotFound.into());
        }
        if self.key_epoch != caller.key_epoch {
            return Err(ErrorCode::KeyEpochMismatch.into());
        }
        if <[u8; 32]>::from(Sha256::digest(&request.public_key)) != self.public_key_hash {
            return Err(ErrorCode::IdTaken.into());
        }
        let events: Vec<_> = self.entries.iter().map(Entry::event).cloned().collect();
        if Some(events) != self.expected(&request) || !is_signed_by(&caller, &self.entries) {
            return Err(ActError::Invalid("entries"));
        }
        self.checked.clone()?;
        check_position(&self.entries, &found[2])?;
        Ok((self.statements(&caller, &request, context.now)?, ()))
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
            audit(
                organization,
                Some(caller.account),
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

/// The end of an account.
pub(crate) struct DisableAct {
    pub(crate) grant: Grant,
    /// The client id.
    pub(crate) account: String,
    pub(crate) entry: Entry,
    /// The result of checking the entry against the chain. If it was appended before, it does not matter.
    pub(crate) checked: Result<(), ActError>,
}

impl Act for DisableAct {
    type Outcome = ();

    fn lock(&self) -> Lock {
        Lock::Organization(self.grant.tenant.organization)
    }

    fn queries(&self, now: Moment) -> Vec<Statement> {
        let organization = self.grant.tenant.organization;
        let of_account = |sql| {
            Statement::new(sql)
                .bind(organization.0)
                .bind(self.account.as_str())
        };
        vec![
            caller(&self.grant, now),
            of_account(
                "SELECT id, name FROM accounts WHERE organization = $1 AND client_id = $2 \
                 AND status IN ('active', 'disabled')",
            ),
            chain::positions(organization),
            ChainEntry::from(&self.entry).stored(organization),
            of_account(
                "SELECT count(*) FROM accounts WHERE organization = $1 AND client_id <> $2 \
                 AND status = 'active' AND verification_key IS NOT NULL",
            ),
        ]
    }

    fn decide(
        &self,
        context: Context,
        found: &[Vec<Record>],
    ) -> Result<(Vec<Statement>, ()), ActError> {
        let caller = Caller::read(&found[0])?;
        if chain::next_position(&found[2])? == 0 {
            return Err(ErrorCode::NoChain.into());
        }
        let row = found[1].first().ok_or(ErrorCode::RecordNotFound)?;
        if found[4].first().map_or(Ok(0), |row| row.integer(0))? == 0 {
            return Err(ErrorCode::LastAdministrator.into());
        }
        let account = self.account.clone();
        if *self.entry.event() != (Event::MemberDisabled { account }) {
            return Err(ActError::Invalid("entry"));
        }
        if ChainEntry::from(&self.entry).is_stored(&found[3])? {
            return Ok((Vec::new(), ()));
        }
        let entries = std::slice::from_ref(&self.entry);
        if !is_signed_by(&caller, entries) {
            return Err(ActError::Invalid("entry"));
        }
        self.checked.clone()?;
        check_position(entries, &found[2])?;
        Ok((self.statements(&caller, row, context.now)?, ()))
    }
}

impl DisableAct {
    fn statements(
        &self,
        caller: &Caller,
        row: &Record,
        now: Moment,
    ) -> Result<Vec<Statement>, ActError> {
        let organization = self.grant.tenant.organization;
        let account = row.integer(0)?;
        Ok(vec![
            ChainEntry::from(&self.entry).insert(organization),
            Statement::new(
                "UPDATE accounts SET status = 'disabled', disabled_at = $1 WHERE id = $2",
            )
            .bind(now)
            .bind(account),
            Statement::new("DELETE FROM tokens WHERE account = $1").bind(account),
            Statement::new("DELETE FROM account_keys WHERE account = $1").bind(account),
            audit(
                organization,
                Some(caller.account),
                "organization.disable",
                &self.account,
                row.optional_text(1)?.map(str::to_owned),
                now,
            )?,
        ])
    }
}

/// Returns true if all entries name the verification key of the caller as their signer.
pub(super) fn is_signed_by(caller: &Caller, entries: &[Entry]) -> bool {
    let key = caller.verification_key.as_deref();
    let mut signers = entries.iter().map(|entry| &entry.signer().as_bytes()[..]);
    signers.all(|signer| Some(signer) == key)
}

/// Checks that the first entry has the next position of the chain. The entries were checked against the chain before, to
/// which others may have been appended meanwhile.
pub(super) fn check_position(entries: &[Entry], positions: &[Record]) -> Result<(), ActError> {
    let next = chain::next_position(positions)?;
    let first = entries
        .first()
        .map(|entry| ChainEntry::from(entry).position);
    match first == Some(next) {
        true => Ok(()),
        false => Err(ErrorCode::ChainMoved.into()),
    }
}

impl Store {
    /// Returns the accounts of an organization in the order of their client ids, without those that wait for a
    /// confirmation.
    pub(crate) async fn members(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<Member>, StoreError> {
        let select = "SELECT client_id, name, scopes, status, public_key, verification_key, created_at, disabled_at \
                      FROM accounts WHERE organization = $1 AND status IN ('active', 'disabled') ORDER BY client_id";
        let select = Statement::new(select).bind(organization.0);
        let rows = self.records(select).await?;
        rows.iter().map(member).collect()
    }
}

fn member(row: &Record) -> Result<Member, StoreError> {
    let base64 = |bytes: Option<&[u8]>| bytes.map(|bytes| Base64(bytes.to_vec()));
    Ok(Member {
        account: row.text(0)?.to_owned(),
        name: row.optional_text(1)?.map(str::to_owned),
        scopes: parse_scopes(row.text(2)?).into(),
        status: match row.text(3)? {
            "active" => MemberStatus::Active,
            _ => MemberStatus::Disabled,
        },
        public_key: base64(row.optional_bytes(4)?),
        verification_key: base64(row.optional_bytes(5)?),
        created_at: Moment(row.integer(6)?).into(),
        disabled_at: row
            .optional_integer(7)?
            .map(|time| Timestamp::from(Moment(time))),
    })
}
