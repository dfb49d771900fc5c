//! The attempts at a statement, and what follows a failed one.

use std::time::{Duration, Instant};

use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use tokio::time::timeout;

use super::failure::{self, Failure};
use super::warnings::with_warning;
use super::{Effect, Statement};
use crate::store::StoreError;
use crate::token;

/// The timeout of all attempts at a transaction that conflicts with others.
pub(super) const CONFLICTING: Duration = Duration::from_secs(10);

/// The attempts at a statement.
pub(super) struct Attempts {
    effect: Effect,
    pub(super) start: Instant,
    conflicts: u32,
    /// Set after a connection was given up. The statement is then repeated once, maybe on another host.
    was_moved: bool,
}

impl Attempts {
    pub(super) fn new(effect: Effect) -> Self {
        Self {
            effect,
            start: Instant::now(),
            conflicts: 0,
            was_moved: false,
        }
    }

    /// Returns the pause before the next attempt, or the error if there is none.
    pub(super) fn pause_after(&mut self, failure: Failure) -> Result<Duration, StoreError> {
        match failure {
            Failure::Conflict if self.start.elapsed() > CONFLICTING => Err(failure::conflicting()),
            Failure::Conflict => {
                self.conflicts += 1;
                Ok(jitter(self.conflicts))
            }
            Failure::Refused(error) => Err(error),
            Failure::Lost(reason) if self.effect == Effect::Once => {
                Err(StoreError::OutcomeUnknown(reason))
            }
            Failure::Lost(reason) | Failure::NotPrimary(reason) if self.was_moved => {
                Err(StoreError::Unavailable(reason))
            }
            Failure::Lost(_) | Failure::NotPrimary(_) => {
                self.was_moved = true;
                Ok(Duration::ZERO)
            }
        }
    }
}

/// Runs a statement once. A commit that did not wait for its standby counts as one without an answer. A failure comes with
/// its SQLSTATE.
pub(super) async fn attempt(
    statement: Statement,
    connection: &mut PgConnection,
    effect: Effect,
    time: Duration,
) -> Result<Vec<PgRow>, (Failure, &'static str)> {
    let lost = |reason| Err((Failure::Lost(reason), failure::NO_SQLSTATE));
    match timeout(time, with_warning(statement.fetch_all(connection))).await {
        Ok((Ok(_), Some(warning))) if effect == Effect::Once => lost(warning),
        Ok((Ok(rows), _)) => Ok(rows),
        Ok((Err(error), _)) => Err((Failure::of(&error), failure::sqlstate(&error))),
        Err(_) => lost(format!("no answer within {} s", time.as_secs())),
    }
}

/// Returns a random wait of up to 2, 4, 8 … 128 ms.
pub(super) fn jitter(attempt: u32) -> Duration {
    let most = 2_000_u64 << attempt.saturating_sub(1).min(6);
    let random = token::generate_id().unwrap_or_default().unsigned_abs();
    Duration::from_micros(random % most)
}
