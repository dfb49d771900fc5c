//! Requests to join, which invited persons send.

use std::time::Duration;

use helvetisafe_proto::endpoint::PrivateKeyAnswer;
use helvetisafe_proto::endpoint::organization::{InvitationStatus, JoinBody};
use helvetisafe_proto::{Base64, ErrorCode, Scope, Scopes};

use super::MemberRow;
use crate::store::act::{Act, ActError, Context, Decision, Lock, Record, Statement, count};
use crate::store::audit::audit;
use crate::store::token::parse_scopes;
use crate::store::{Moment, OrganizationId, Store, StoreError};

/// The columns that `request` reads.
macro_rules! request_columns {
    () => {
        "join_epoch, join_fingerprint, accounts.client_id, accounts.public_key, accounts.client_secret_hash, \
         accounts.verification_key, transcript_mac, ciphertext, nonce, salt, auth_tag"
    };
}
pub(super) use request_columns;

/// Reads the columns of `request_columns!`, of which `first` is the first; `None` if no request has come.
pub(super) fn request(row: &Record, first: usize) -> Result<Option<JoinBody>, StoreError> {
    let Some(account) = row.optional_text(first + 2)? else {
        return Ok(None);
    };
    let base64 = |column: usize| {
        let bytes = row.optional_bytes(first + column)?;
        Ok::<_, StoreError>(bytes.map(|bytes| Base64(bytes.to_vec())))
    };
    let private_key = match row.optional_text(first + 7)? {
        None => None,
        Some(ciphertext) => Some(PrivateKeyAnswer {
            encrypted_private_key: ciphertext.to_owned(),
            nonce: row.text(first + 8)?.to_owned(),
            salt: row.text(first + 9)?.to_owned(),
            auth_tag: row.text(first + 10)?.to_owned(),
        }),
    };
    Ok(Some(JoinBody {
        epoch: row.integer(first)?.cast_unsigned(),
        fingerprint: row.array::<32>(first + 1)?.into(),
        account: account.to_owned(),
        public_key: base64(3)?.unwrap_or_default(),
        client_secret_hash: row.array::<32>(first + 4)?.into(),
        verification_key: base64(5)?,
        private_key,
        tag: base64(6)?.unwrap_or_default(),
    }))
}

/// The time after its expiry for which a confirmed invitation still shows that it was.
const STATUS: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The terms of an invitation, for the invited person.
pub(crate) struct Terms {
    pub(crate) id: [u8; 32],
    pub(crate) organization: OrganizationId,
    pub(crate) name: String,
    pub(crate) scopes: Scopes,
    pub(crate) expires_at: Moment,
    pub(crate) status: InvitationStatus,
}

impl Store {
    /// Returns the terms of an invitation; `None` if it is unknown, withdrawn, has expired before it was confirmed or
    /// [`STATUS`] ago, or if the account was disabled.
    pub(crate) async fn invitation(&self, id: [u8; 32]) -> Result<Option<Terms>, StoreError> {
        let now = self.now().await?;
        let select = Statement::new(
            "SELECT invitations.organization, invitations.name, invitations.scopes, expires_at, invitations.status \
             FROM invitations LEFT JOIN accounts ON accounts.id = invitations.account WHERE secret_hash = $1 \
             AND (invitations.status IN ('pending', 'joined') AND expires_at > $2 \
             OR invitations.status = 'confirmed' AND accounts.status = 'active' AND expires_at > $3)",
        );
        let select = select.bind(&id[..]).bind(now).bind(now.before(STATUS));
        let rows = self.records(select).await?;
        let terms = |row: &Record| {
            Ok(Terms {
                id,
                organization: OrganizationId(row.integer(0)?),
                name: row.text(1)?.to_owned(),
                scopes: parse_scopes(row.text(2)?),
                expires_at: Moment(row.integer(3)?),
                status: match row.text(4)? {
                    "joined" => InvitationStatus::Joined,
                    "confirmed" => InvitationStatus::Confirmed,
                    _ => InvitationStatus::Pending,
                },
            })
        };
        rows.first().map(terms).transpose()
    }
}

/// A request to join.
pub(crate) struct JoinAct {
    pub(crate) invitation: [u8; 32],
    /// The account, with the name and scopes of the invitation.
    pub(crate) member: MemberRow,
    /// The request as it was sent.
    pub(crate) request: JoinBody,
}

impl Act for JoinAct {
    type Outcome = ();

    fn lock(&self) -> Lock {
        Lock::Organization(self.member.organization)
    }

    fn queries(&self, _: Moment) -> Vec<Statement> {
        let member = &self.member;
        vec![
            Statement::new(concat!(
                "SELECT invitations.id, invitations.status, expires_at, ",
                request_columns!(),
                " FROM invitations LEFT JOIN accounts ON accounts.id = invitations.account \
                 LEFT JOIN private_keys ON private_keys.account = accounts.id \
                 WHERE secret_hash = $1 AND invitations.organization = $2"
            ))
            .bind(&self.invitation[..])
            .bind(member.organization.0),
            Statement::new("SELECT key_epoch FROM organizations WHERE id = $1")
                .bind(member.organization.0),
            Statement::new("SELECT count(*) FROM accounts WHERE client_id = $1")
                .bind(member.client_id.as_str()),
            Statement::new(
                "SELECT count(*) FROM accounts WHERE organization = $1 AND name = $2 AND status <> 'disabled'",
            )
            .bind(member.organization.0)
            .bind(member.name.as_str()),
        ]
    }

    fn decide(&self, context: Context, found: &[Vec<Record>]) -> Decision<()> {
        let row = found[0].first().ok_or(ErrorCode::InvalidInvitation)?;
        let status = row.text(1)?;
        let is_open = status == "confirmed"
            || matches!(status, "pending" | "joined") && row.integer(2)? > context.now.0;
        if !is_open {
            return Err(ErrorCode::InvalidInvitation.into());
        }
        if let Some(earlier) = request(row, 3)? {
            return match self.is_of(&earlier) {
                true => Ok((Vec::new(), ())),
                false => Err(ErrorCode::IdTaken.into()),
            };
        }
        let epoch = count(&found[1])?.cast_unsigned();
        if self.request.epoch == 0 || self.request.epoch > epoch {
            return Err(ActError::Invalid("epoch"));
        }
        let is_administrator = self.member.scopes.contains(Scope::OrganizationWrite);
        if is_administrator != self.member.verification_key.is_some() {
            return Err(ActError::Invalid("verification_key"));
        }
        if count(&found[2])? > 0 {
            return Err(ErrorCode::IdTaken.into());
        }
        if count(&found[3])? > 0 {
            return Err(ErrorCode::NameTaken.into());
        }
        Ok((self.statements(row.integer(0)?, context.now)?, ()))
    }
}

impl JoinAct {
    /// Returns true if an earlier request is of the same keys. After a rotation the same person sends another epoch.
    fn is_of(&self, earlier: &JoinBody) -> bool {
        let sent = JoinBody {
            epoch: earlier.epoch,
            fingerprint: earlier.fingerprint,
            tag: earlier.tag.clone(),
            ..self.request.clone()
        };
        sent == *earlier
    }

    fn statements(&self, invitation: i64, now: Moment) -> Result<Vec<Statement>, ActError> {
        let mut statements = self.member.insert("joined", now);
        let epoch = i64::try_from(self.request.epoch).unwrap_or(i64::MAX);
        statements.push(
            Statement::new(
                "UPDATE invitations SET status = 'joined', joined_at = $1, account = $2, join_epoch = $3, \
                 join_fingerprint = $4, transcript_mac = $5 WHERE id = $6",
            )
            .bind(now)
            .bind(self.member.id.0)
            .bind(epoch)
            .bind(&self.request.fingerprint.to_bytes()[..])
            .bind(self.request.tag.as_ref())
            .bind(invitation),
        );
        statements.push(audit(
            self.member.organization,
            None,
            "organization.join",
            &self.member.client_id,
            Some(self.member.name.clone()),
            now,
        )?);
        Ok(statements)
    }
}
