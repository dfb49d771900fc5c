//! Writes, each of which happens once or not at all, also if its answer is lost.
//!
//! The statement of a write adds its id to the table `writes`. If its answer is lost, the node adds the same id: either
//! it finds the row of the write, or its own row is a fence, and the statement fails should it arrive later. Both commit,
//! so the outcome of a write that is found is on the standby too.
//!
//! A client that repeats a request, maybe at another node, sends the same idempotency key. The ids are made from it, so
//! that only one of the statements has an effect, whichever arrives first. A statement that finds nothing to write records
//! that it was refused, which decides for the others too.

use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use sqlx::postgres::PgRow;
use tokio::time::sleep;

use super::{Postgres, Statement, get, now, only};
use crate::lock::lock;
use crate::store::{Moment, StoreError};
use crate::token;

/// The timeout of the look-up of a write. It leaves time for the promotion of a standby.
const LOOK_UP: Duration = Duration::from_secs(8);

/// The pause between two attempts.
const POLL: Duration = Duration::from_millis(100);

/// The age at which a row is removed. The server ends a session that is idle, or waits for a lock, for half of this time, so no
/// statement arrives or goes on later.
const AGE: Duration = Duration::from_secs(600);

/// The maximum number of writes to fence later.
const UNKNOWN_WRITES: usize = 10_000;

/// The maximum number of ids of a write. Each but the last was fenced: by this node, or by another repetition.
const MOST_IDS: u8 = 8;

/// Returns the SQL that records the write with the id `$id`. `$rows` is the end of the `SELECT`, such as ` FROM written`:
/// the write is recorded if there is a row.
macro_rules! record {
    ($id:literal, $expires_at:literal, $rows:literal) => {
        concat!(
            "recorded AS (INSERT INTO writes (id, at, happened, expires_at) SELECT ",
            $id,
            ", ",
            now!(),
            ", true, ",
            $expires_at,
            $rows,
            ")"
        )
    };
    ($id:literal) => {
        record!($id, "NULL::bigint", "")
    };
}
pub(super) use record;

/// The ids of a write. Each is used once the one before is fenced.
pub(super) struct WriteIds {
    seed: [u8; 32],
}

impl WriteIds {
    /// Makes ids of which no other request knows one.
    pub(super) fn generate() -> Result<Self, StoreError> {
        let random = token::generate_bytes();
        let seed = random.map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Self { seed })
    }

    /// Returns the ids of all repetitions of a write.
    pub(super) fn of(seed: [u8; 32]) -> Self {
        Self { seed }
    }

    /// Returns the version that the write gives to its secret, so that each repetition returns the same one.
    pub(super) fn version(&self) -> i64 {
        self.derive(MOST_IDS)
    }

    fn derive(&self, number: u8) -> i64 {
        let hash = Sha256::new_with_prefix(self.seed).chain_update([number]);
        let first = hash.finalize().first_chunk().copied();
        i64::from_be_bytes(first.unwrap_or_default())
    }
}

/// The outcome of a write.
pub(super) enum Outcome {
    /// The database has answered.
    Answered(Vec<PgRow>),
    /// The answer was lost, or another repetition was faster: its record, or `None` if it found nothing to write.
    Found(Option<Record>),
}

/// The result of a look-up.
enum Found {
    Happened(Record),
    /// It found nothing to write.
    Refused,
    /// It did not happen, and cannot any more.
    Fenced,
}

/// The record of a write.
#[derive(Clone, Copy)]
pub(super) struct Record {
    /// The time of the write.
    pub(super) at: Moment,
    /// The expiry of the written secret.
    pub(super) expires_at: Option<Moment>,
}

impl Postgres {
    /// Runs a write, whose statement records the id that it gets. A write that was lost is repeated once.
    pub(super) async fn write(
        &self,
        statement: impl Fn(i64) -> Statement + Send + Sync,
    ) -> Result<Outcome, StoreError> {
        self.write_as(&WriteIds::generate()?, statement).await
    }

    /// Runs a write like [`Self::write`], whose ids another node may use too.
    pub(super) async fn write_as(
        &self,
        ids: &WriteIds,
        statement: impl Fn(i64) -> Statement + Send + Sync,
    ) -> Result<Outcome, StoreError> {
        let mut was_lost = false;
        for id in (0..MOST_IDS).map(|number| ids.derive(number)) {
            self.check_standby()?;
            let (reason, is_lost) = match self.once(|| statement(id)).await {
                Err(StoreError::OutcomeUnknown(reason)) => (reason, true),
                Err(StoreError::IdInUse) => ("it was repeated meanwhile".to_owned(), false),
                answered => return answered.map(Outcome::Answered),
            };
            match self.find(id).await {
                Ok(Found::Happened(record)) => return Ok(Outcome::Found(Some(record))),
                Ok(Found::Refused) => return Ok(Outcome::Found(None)),
                Ok(Found::Fenced) if is_lost && was_lost => {
                    return Err(StoreError::Unavailable(reason));
                }
                Ok(Found::Fenced) => was_lost |= is_lost,
                Err(_) => {
                    self.fence_later(id);
                    return Err(self.unconfirmed(reason));
                }
            }
        }
        Err(StoreError::Busy)
    }

    /// Returns the record of a write. If the write did not happen, fences it and returns `None`.
    pub(super) async fn look_up(&self, id: i64) -> Result<Option<Record>, StoreError> {
        Ok(match self.find(id).await? {
            Found::Happened(record) => Some(record),
            Found::Refused | Found::Fenced => None,
        })
    }

    /// Finds out what became of a write, and fences it if nothing did. Waits for a standby that is about to be promoted.
    async fn find(&self, id: i64) -> Result<Found, StoreError> {
        let statement = || {
            sqlx::query(concat!(
                "INSERT INTO writes (id, at, happened) VALUES ($1, ",
                now!(),
                ", false) ON CONFLICT (id) DO UPDATE SET at = writes.at \
                 RETURNING happened, at, expires_at, refused"
            ))
            .bind(id)
        };
        let start = Instant::now();
        let rows = loop {
            let looked_up = match self.check_standby() {
                Ok(()) => self.once_within(statement, LOOK_UP).await,
                Err(error) => Err(error),
            };
            match looked_up {
                Ok(rows) => break rows,
                Err(_) if start.elapsed() < LOOK_UP => sleep(POLL).await,
                Err(error) => return Err(error),
            }
        };
        let row = only(&rows)?;
        let (happened, refused): (bool, bool) = (get(row, 0)?, get(row, 3)?);
        let expires_at: Option<i64> = get(row, 2)?;
        let record = Record {
            at: Moment(get(row, 1)?),
            expires_at: expires_at.map(Moment),
        };
        Ok(match (happened, refused) {
            (true, _) => Found::Happened(record),
            (false, true) => Found::Refused,
            (false, false) => Found::Fenced,
        })
    }

    pub(super) fn fence_later(&self, id: i64) {
        let mut unknown_writes = lock(&self.unknown_writes);
        if unknown_writes.len() < UNKNOWN_WRITES {
            unknown_writes.push(id);
        }
    }

    /// Fences the writes of unknown outcome, and removes old rows.
    pub(super) async fn sweep_writes(&self) -> Result<(), StoreError> {
        let unknown_writes = std::mem::take(&mut *lock(&self.unknown_writes));
        for (index, id) in unknown_writes.iter().enumerate() {
            if let Err(error) = self.look_up(*id).await {
                lock(&self.unknown_writes).extend(&unknown_writes[index..]);
                return Err(error);
            }
        }
        let statement = || {
            let delete = concat!("DELETE FROM writes WHERE at <= ", now!(), " - $1");
            sqlx::query(delete).bind(micros(AGE))
        };
        self.long(statement).await.map(drop)
    }
}

pub(super) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
