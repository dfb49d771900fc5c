//! The state of the primary.

use std::time::Instant;

use super::replication::{Stuck, replication};
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
        let statement = || {
            sqlx::query(concat!(
                "SELECT ",
                now!(),
                ", current_setting('transaction_read_only') = 'off', ",
                replication!(),
            ))
        };
        let rows = self.run(statement, Effect::Probe, REPEATED).await?;
        let row = only(&rows)?;
        if !get::<bool>(row, 1)? {
            return Err(StoreError::Unavailable("it is read-only".to_owned()));
        }
        let replication = Replication::of(row);
        let replication =
            replication.map_err(|error| StoreError::Failed(failure::reason(&error)))?;
        let waits = matches!(&replication, Replication::Stuck(Stuck { waits: true, .. }));
        *lock(&self.saw_waiting) = waits.then(Instant::now);
        Ok(Probe {
            schema: self.migrations_by(Effect::Probe).await?.schema(),
            now: Moment(get(row, 0)?),
            replication: Some(replication),
        })
    }
}
