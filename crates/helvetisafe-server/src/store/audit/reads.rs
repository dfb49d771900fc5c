//! The rows of reads, which are recorded some seconds later, many at a time.

use helvetisafe_proto::KeyName;

use crate::store::act::{Act, ActError, Context, Lock, Parameter, Record, Statement};
use crate::store::{AccountId, Moment, OrganizationId, Store, StoreError};
use crate::token;

/// The largest number of names of a row.
const NAMES: usize = 50;

/// The reads of an account: names of secrets, each with the number of its reads.
pub(crate) struct AccountReads {
    pub(crate) account: AccountId,
    pub(crate) names: Vec<(KeyName, u64)>,
}

struct ReadsAct {
    organization: OrganizationId,
    /// Each with the random key of its row.
    rows: Vec<(i64, AccountId, String)>,
}

impl Act for ReadsAct {
    type Outcome = ();

    fn lock(&self) -> Lock {
        Lock::Seals(self.organization)
    }

    fn queries(&self, _: Moment) -> Vec<Statement> {
        Vec::new()
    }

    fn decide(
        &self,
        context: Context,
        _: &[Vec<Record>],
    ) -> Result<(Vec<Statement>, ()), ActError> {
        let insert = |(id, account, names): &(i64, AccountId, String)| {
            Statement::new(
                "INSERT INTO audit (id, organization, at, actor, act, subject, detail) \
                 VALUES ($1, $2, $3, $4, 'secrets.read', $5, $6)",
            )
            .bind(*id)
            .bind(self.organization.0)
            .bind(context.now)
            .bind(account.0)
            .bind(Parameter::Text(None))
            .bind(names.as_str())
        };
        Ok((self.rows.iter().map(insert).collect(), ()))
    }
}

impl Store {
    /// Records reads of an organization, in rows of several names. They are many, so a disk that is nearly full refuses them
    /// like values.
    pub(crate) async fn record_reads(
        &self,
        organization: OrganizationId,
        reads: &[AccountReads],
    ) -> Result<(), StoreError> {
        if self.space().is_some_and(|space| space.is_low) {
            return Err(StoreError::Full);
        }
        let mut rows = Vec::new();
        for of_account in reads {
            for names in of_account.names.chunks(NAMES) {
                let id = token::generate_id();
                let id = id.map_err(|error| StoreError::Failed(error.to_string()))?;
                rows.push((id, of_account.account, listed(names)));
            }
        }
        let act = ReadsAct { organization, rows };
        self.act(act).await.map_err(ActError::into_store)
    }
}

/// Returns the names, with the number of reads if there were several. A name has no spaces.
fn listed(names: &[(KeyName, u64)]) -> String {
    let names = names.iter().map(|(name, count)| match count {
        1 => name.to_string(),
        count => format!("{name} ({count})"),
    });
    names.collect::<Vec<_>>().join(", ")
}
