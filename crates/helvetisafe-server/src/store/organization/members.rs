//! Members: listed and disabled.

use helvetisafe_crypto::organization::{Entry, Event};
use helvetisafe_proto::endpoint::organization::{Member, MemberStatus};
use helvetisafe_proto::{Base64, ErrorCode};
use jiff::Timestamp;

use super::{ChainEntry, chain, invitations};
use crate::store::act::{ActError, Decision, Record, Statement, count};
use crate::store::caller::{AccountAct, Caller};
use crate::store::token::parse_scopes;
use crate::store::{Grant, Moment, OrganizationId, Store, StoreError};

/// The end of an account.
pub(crate) struct DisableAct {
    pub(crate) grant: Grant,
    /// The client id.
    pub(crate) account: String,
    pub(crate) entry: Entry,
    /// The result of checking the entry against the chain. If it was appended before, it does not matter.
    pub(crate) checked: Result<(), ActError>,
}

impl AccountAct for DisableAct {
    type Outcome = ();

    fn grant(&self) -> &Grant {
        &self.grant
    }

    fn queries(&self, _: Moment) -> Vec<Statement> {
        let organization = self.grant.tenant.organization;
        let of_account = |sql| {
            Statement::new(sql)
                .bind(organization.0)
                .bind(self.account.as_str())
        };
        vec![
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
            invitations::open_of(organization, &self.account),
        ]
    }

    fn decide(&self, caller: &Caller, now: Moment, found: &[Vec<Record>]) -> Decision<()> {
        if chain::next_position(&found[1])? == 0 {
            return Err(ErrorCode::NoChain.into());
        }
        let row = found[0].first().ok_or(ErrorCode::RecordNotFound)?;
        if count(&found[3])? == 0 {
            return Err(ErrorCode::LastAdministrator.into());
        }
        let account = self.account.clone();
        if *self.entry.event() != (Event::MemberDisabled { account }) {
            return Err(ActError::Invalid("entry"));
        }
        if ChainEntry::from(&self.entry).is_stored(&found[2])? {
            return Ok((Vec::new(), ()));
        }
        let entries = std::slice::from_ref(&self.entry);
        if !caller.has_signed(entries) {
            return Err(ActError::Invalid("entry"));
        }
        self.checked.clone()?;
        chain::check_position(entries, &found[1])?;
        let mut statements = self.statements(caller, row, now)?;
        // Its signature on them no longer counts: no administrator could confirm them, and they would stop a rotation.
        statements.extend(invitations::withdraw_all(&found[4])?);
        Ok((statements, ()))
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
            caller.audit(
                "organization.disable",
                &self.account,
                row.optional_text(1)?.map(str::to_owned),
                now,
            )?,
        ])
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
