//! Invitations: `pending` until a request to join comes, then `joined` until an administrator has confirmed it, then
//! `confirmed`. One that is withdrawn or replaced after its expiry is `withdrawn`, and the account that joined is removed.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use helvetisafe_crypto::organization::{Invitation, SignedInvitation, VerificationKey};
use helvetisafe_proto::endpoint::organization::{
    InvitationRecord, NewInvitation, SealedInvitation,
};
use helvetisafe_proto::{Base64, ErrorCode, Hex, Scopes};
use jiff::Timestamp;

use super::{chain, joining};
use crate::store::act::{ActError, Decision, Record, Statement, count};
use crate::store::caller::{AccountAct, Caller};
use crate::store::token::parse_scopes;
use crate::store::{Grant, KeyEpoch, Moment, OrganizationId, Store, StoreError};

/// An invitation to store.
pub(crate) struct InviteAct {
    pub(crate) grant: Grant,
    /// The random key of the row.
    pub(crate) row: i64,
    pub(crate) id: [u8; 32],
    pub(crate) name: String,
    pub(crate) scopes: Scopes,
    pub(crate) expires_at: Moment,
    pub(crate) key_epoch: KeyEpoch,
    /// The base64 of the nonce and of the sealed secret.
    pub(crate) nonce: String,
    pub(crate) sealed: String,
    /// The signature of the terms.
    pub(crate) signature: [u8; 64],
}

/// The largest number of open invitations of an organization.
const MOST: i64 = 1000;

impl AccountAct for InviteAct {
    type Outcome = ();

    fn grant(&self) -> &Grant {
        &self.grant
    }

    fn queries(&self, now: Moment) -> Vec<Statement> {
        let organization = self.grant.tenant.organization;
        vec![
            Statement::new(
                "SELECT organization, key_epoch, sealed_nonce, sealed_secret, name, scopes, expires_at, signature \
                 FROM invitations WHERE secret_hash = $1",
            )
            .bind(&self.id[..]),
            Statement::new(
                "SELECT count(*) FROM accounts WHERE organization = $1 AND name = $2 AND status = 'active'",
            )
            .bind(organization.0)
            .bind(self.name.as_str()),
            Statement::new(
                "SELECT id, account, expires_at FROM invitations WHERE organization = $1 AND name = $2 \
                 AND status IN ('pending', 'joined')",
            )
            .bind(organization.0)
            .bind(self.name.as_str()),
            chain::positions(organization),
            Statement::new(
                "SELECT count(*) FROM invitations WHERE organization = $1 AND status IN ('pending', 'joined') \
                 AND expires_at > $2",
            )
            .bind(organization.0)
            .bind(now),
        ]
    }

    fn decide(&self, caller: &Caller, now: Moment, found: &[Vec<Record>]) -> Decision<()> {
        if let Some(row) = found[0].first() {
            return match self.is_same(row)? {
                true => Ok((Vec::new(), ())),
                false => Err(ErrorCode::IdTaken.into()),
            };
        }
        if chain::next_position(&found[3])? == 0 {
            return Err(ErrorCode::NoChain.into());
        }
        if self.key_epoch != caller.key_epoch {
            return Err(ErrorCode::KeyEpochMismatch.into());
        }
        if self.expires_at <= now {
            return Err(ErrorCode::ExpiryInThePast.into());
        }
        if count(&found[4])? >= MOST {
            return Err(ErrorCode::TooManyInvitations.into());
        }
        let mut statements = free_name(&found[1], &found[2], now)?;
        // Last, since it takes the longest.
        if !self.is_signed_by(caller) {
            return Err(ActError::Invalid("signature"));
        }
        statements.push(self.insert(caller, now));
        statements.push(caller.audit(
            "organization.invite",
            &Hex::from(self.id).to_string(),
            Some(format!("{}: {}", self.name, self.scopes)),
            now,
        )?);
        Ok((statements, ()))
    }
}

impl InviteAct {
    /// Returns true if the caller has signed the terms. An unsigned invitation would stop every rotation.
    fn is_signed_by(&self, caller: &Caller) -> bool {
        let signed = SignedInvitation {
            invitation: Invitation {
                organization: Hex::from(self.grant.tenant.organization).to_string(),
                epoch: self.key_epoch.number(),
                name: self.name.clone(),
                scopes: self
                    .scopes
                    .iter()
                    .map(|it| it.as_str().to_owned())
                    .collect(),
                expires_at: Timestamp::from(self.expires_at).as_second().cast_unsigned(),
            },
            signature: self.signature,
        };
        let key = caller.verification_key.as_deref();
        let key = key.and_then(|bytes| VerificationKey::from_bytes(bytes.try_into().ok()?).ok());
        key.is_some_and(|key| signed.is_signed_by(&self.id, &key))
    }

    /// Compares with a stored invitation of the same id.
    fn is_same(&self, row: &Record) -> Result<bool, StoreError> {
        Ok(row.integer(0)? == self.grant.tenant.organization.0
            && row.integer(1)? == self.key_epoch.0
            && row.optional_text(2)? == Some(&self.nonce)
            && row.text(3)? == self.sealed
            && row.text(4)? == self.name
            && parse_scopes(row.text(5)?) == self.scopes
            && row.integer(6)? == self.expires_at.0
            && row.optional_bytes(7)? == Some(&self.signature[..]))
    }

    fn insert(&self, caller: &Caller, now: Moment) -> Statement {
        Statement::new(
            "INSERT INTO invitations (id, organization, key_epoch, secret_hash, sealed_nonce, sealed_secret, name, \
             kind, scopes, invited_by, status, created_at, expires_at, signature) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, 'member', $8, $9, 'pending', $10, $11, $12)",
        )
        .bind(self.row)
        .bind(self.grant.tenant.organization.0)
        .bind(self.key_epoch.0)
        .bind(&self.id[..])
        .bind(self.nonce.as_str())
        .bind(self.sealed.as_str())
        .bind(self.name.as_str())
        .bind(self.scopes.to_string())
        .bind(caller.account.0)
        .bind(now)
        .bind(self.expires_at)
        .bind(&self.signature[..])
    }
}

/// Returns the statements that free a name of expired invitations. Refuses a name that an account has, or an open
/// invitation.
fn free_name(
    accounts: &[Record],
    invitations: &[Record],
    now: Moment,
) -> Result<Vec<Statement>, ActError> {
    if count(accounts)? > 0 {
        return Err(ErrorCode::NameTaken.into());
    }
    let mut statements = Vec::new();
    for row in invitations {
        if row.integer(2)? > now.0 {
            return Err(ErrorCode::NameTaken.into());
        }
        statements.extend(withdraw(row.integer(0)?, row.optional_integer(1)?));
    }
    Ok(statements)
}

/// Returns the query of the open invitations that an account has made.
pub(super) fn open_of(organization: OrganizationId, client_id: &str) -> Statement {
    Statement::new(
        "SELECT invitations.id, invitations.account FROM invitations JOIN accounts ON accounts.id = invited_by \
         WHERE invitations.organization = $1 AND client_id = $2 AND invitations.status IN ('pending', 'joined')",
    )
    .bind(organization.0)
    .bind(client_id)
}

/// Returns the statements that end the invitations of [`open_of`].
pub(super) fn withdraw_all(rows: &[Record]) -> Result<Vec<Statement>, StoreError> {
    let mut statements = Vec::new();
    for row in rows {
        statements.extend(withdraw(row.integer(0)?, row.optional_integer(1)?));
    }
    Ok(statements)
}

/// Returns the statements that end an open invitation, and remove the account that joined with it.
fn withdraw(invitation: i64, account: Option<i64>) -> Vec<Statement> {
    let end =
        Statement::new("UPDATE invitations SET status = 'withdrawn', account = NULL WHERE id = $1");
    let remove = account.into_iter().flat_map(|account| {
        [
            "DELETE FROM private_keys WHERE account = $1",
            "DELETE FROM accounts WHERE id = $1",
        ]
        .map(|delete| Statement::new(delete).bind(account))
    });
    [end.bind(invitation)].into_iter().chain(remove).collect()
}

/// An invitation to withdraw.
pub(crate) struct WithdrawAct {
    pub(crate) grant: Grant,
    pub(crate) id: [u8; 32],
}

impl AccountAct for WithdrawAct {
    type Outcome = ();

    fn grant(&self) -> &Grant {
        &self.grant
    }

    fn queries(&self, _: Moment) -> Vec<Statement> {
        vec![
            Statement::new(
                "SELECT id, account, status, name FROM invitations WHERE organization = $1 \
                 AND secret_hash = $2",
            )
            .bind(self.grant.tenant.organization.0)
            .bind(&self.id[..]),
        ]
    }

    fn decide(&self, caller: &Caller, now: Moment, found: &[Vec<Record>]) -> Decision<()> {
        let row = found[0].first().ok_or(ErrorCode::RecordNotFound)?;
        match row.text(2)? {
            "withdrawn" => return Ok((Vec::new(), ())),
            "pending" | "joined" => {}
            _ => return Err(ErrorCode::RecordNotFound.into()),
        }
        let mut statements = withdraw(row.integer(0)?, row.optional_integer(1)?);
        statements.push(caller.audit(
            "organization.withdraw",
            &Hex::from(self.id).to_string(),
            Some(row.text(3)?.to_owned()),
            now,
        )?);
        Ok((statements, ()))
    }
}

impl Store {
    /// Returns the open invitations of an organization, in the order of their names.
    pub(crate) async fn invitations(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<InvitationRecord>, StoreError> {
        let now = self.now().await?;
        let select = Statement::new(concat!(
            "SELECT secret_hash, invitations.name, invitations.scopes, expires_at, invitations.key_epoch, \
             sealed_nonce, sealed_secret, signature, inviters.client_id, invitations.created_at, ",
            joining::request_columns!(),
            " FROM invitations LEFT JOIN accounts AS inviters ON inviters.id = invited_by \
             LEFT JOIN accounts ON accounts.id = invitations.account \
             LEFT JOIN private_keys ON private_keys.account = accounts.id \
             WHERE invitations.organization = $1 AND invitations.status IN ('pending', 'joined') \
             AND expires_at > $2 ORDER BY invitations.name"
        ));
        let rows = self.records(select.bind(organization.0).bind(now)).await?;
        rows.iter().map(record).collect()
    }
}

fn record(row: &Record) -> Result<InvitationRecord, StoreError> {
    Ok(InvitationRecord {
        invitation: NewInvitation {
            id: row.array::<32>(0)?.into(),
            name: row.text(1)?.to_owned(),
            scopes: parse_scopes(row.text(2)?).into(),
            expires_at: Moment(row.integer(3)?).into(),
            sealed: SealedInvitation {
                key_epoch: row.integer(4)?.cast_unsigned(),
                nonce: base64(row.text(5)?)?,
                value: base64(row.text(6)?)?,
                signature: Base64(row.optional_bytes(7)?.unwrap_or_default().to_vec()),
            },
        },
        invited_by: row.optional_text(8)?.unwrap_or_default().to_owned(),
        created_at: Timestamp::from(Moment(row.integer(9)?)),
        request: joining::request(row, 10)?,
    })
}

fn base64(text: &str) -> Result<Base64, StoreError> {
    let bytes = BASE64_STANDARD.decode(text).map(Base64);
    bytes.map_err(|error| StoreError::Failed(error.to_string()))
}
