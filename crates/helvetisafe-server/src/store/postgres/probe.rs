//! The state of the primary.

use std::time::Instant;

use super::replication::{Stuck, replication};
use super::rights::{self, Lacking, lacking};
use super::{Effect, Postgres, REPEATED, Replication, failure, get, now, only};
use crate::lock::lock;
use crate::store::{Moment, Probe, StoreError};

impl Postgres {
    /// Returns the error of a probe without an answer.
    pub(in crate::store) fn unanswered(&self) -> StoreError {
        StoreError::Unavailable(self.pool.unanswered())
    }

    /// Asks the primary for its state.
    pub(in crate::store) async fn probe(&self) -> Result<Probe, StoreError> {
        let (tables, rights) = rights::needed();
        let statement = || {
            sqlx::query(concat!(
                "SELECT ",
                now!(),
                ", current_setting('transaction_read_only') = 'off', ",
                replication!(),
                ", ",
                lacking!(),
            ))
            .bind(tables.clone())
            .bind(rights.clone())
        };
        let rows = self.run(statement, Effect::Probe, REPEATED).await?;
        let row = only(&rows)?;
        if !get::<bool>(row, 1)? {
            return Err(StoreError::Unavailable("it is read-only".to_owned()));
        }
        let unreadable = |error| StoreError::Failed(failure::reason(&error));
        let replication = Replication::of(row).map_err(unreadable)?;
        let lacking = Lacking::of(row).map_err(unreadable)?;
        let waits = matches!(&replication, Replication::Stuck(Stuck { waits: true, .. }));
        *lock(&self.saw_waiting) = waits.then(Instant::now);
        Ok(Probe {
            schema: self.migrations_by(Effect::Probe).await?.schema(),
            now: Moment(get(row, 0)?),
            replication: Some(replication),
            lacking,
            primaries: self.primaries.found(self.pool.address()),
        })
    }
}
