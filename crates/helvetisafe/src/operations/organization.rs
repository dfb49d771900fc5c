//! The operations on an organization. All that comes from the vault is compared with the chain, which is followed from
//! the caller's anchor, and nothing is sealed, wrapped or signed before all checks.

mod change;
mod confirm;
mod enroll;
mod invite;
mod members;
mod rotate;
mod tokens;

use helvetisafe_crypto::organization::{Anchor, Chain};
use helvetisafe_proto::endpoint::organization::{GetAccount, ListAudit};
use helvetisafe_proto::{Endpoint, Hex};

use super::Operation;
use crate::administration::{Account, AuditPage, AuditRecord, chain};
use crate::error::{Error, OrganizationAction};
use crate::runtime::Runtime;

impl<R: Runtime> Operation<'_, R> {
    pub(crate) async fn account(&self) -> Result<Account, Error> {
        let answer = self.organize(&GetAccount, OrganizationAction::ReadAccount);
        Ok(answer.await?.into())
    }

    pub(crate) async fn follow(&self, anchor: &Anchor) -> Result<Chain, Error> {
        chain::follow(&self.vault.api, anchor, &self.bounds).await
    }

    pub(crate) async fn use_org_key(&self, chain: &Chain) -> Result<(), Error> {
        let action = OrganizationAction::FollowChain.into();
        let used = self.vault.use_org_key_of(chain, &action, &self.bounds);
        used.await
    }

    pub(crate) async fn audit(&self, before: Option<Hex<8>>) -> Result<AuditPage, Error> {
        let call = ListAudit { before };
        let answer = self.organize(&call, OrganizationAction::ReadAudit).await?;
        let records: Vec<_> = answer
            .records
            .into_iter()
            .map(|record| AuditRecord {
                id: record.id,
                at: record.at,
                actor: record.actor,
                act: record.act,
                subject: record.subject,
                detail: record.detail,
            })
            .collect();
        let last = records.last().map(|record| record.id);
        Ok(AuditPage {
            next: last.filter(|_| answer.has_more),
            records,
        })
    }

    /// Makes a call of an organization.
    async fn organize<E>(&self, call: &E, action: OrganizationAction) -> Result<E::Answer, Error>
    where
        E: Endpoint<Answer: Send> + Sync,
    {
        self.vault.api.call(call, action.into(), &self.bounds).await
    }
}
