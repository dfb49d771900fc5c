//! The state of a running vault, and the work that all of its calls share.

#[cfg(test)]
mod build_hold;
mod lists;

use std::sync::Arc;

use axum::body::Bytes;
use helvetisafe_proto::endpoint::SecretRecord;
use tokio::sync::Semaphore;

use crate::answer::{Answer, ReadError};
use crate::budget::Budget;
use crate::cache::ListCache;
use crate::limits::Limits;
use crate::read_log::ReadLog;
use crate::readiness::Readiness;
use crate::settings::Settings;
use crate::store::{Store, StoreError};

pub(crate) use lists::LIST_READS;

/// The size of a secret's JSON without its name, value and nonce, in bytes.
const RECORD_OVERHEAD: usize = 256;

/// The state of a running vault, shared by the calls and the handle.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) lists: ListCache,
    pub(crate) limits: Limits,
    /// The memory of the bodies of requests in flight.
    pub(crate) bodies: Budget,
    /// The memory of the secrets and lists that are being sent, and of cached lists.
    pub(crate) answers: Budget,
    /// The lists and pages that are being read.
    pub(crate) list_reads: Arc<Semaphore>,
    pub(crate) settings: Settings,
    pub(crate) readiness: Readiness,
    /// The reads to record; `None` if reads are not recorded.
    pub(crate) reads: Option<ReadLog>,
    #[cfg(test)]
    pub(crate) hold: build_hold::BuildHold,
}

impl Shared {
    /// Runs a write, which continues if the client disconnects.
    pub(crate) async fn write<T: Send + 'static, E, F>(
        self: &Arc<Self>,
        write: impl FnOnce(Arc<Self>) -> F,
    ) -> Result<T, E>
    where
        E: From<StoreError> + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let task = tokio::spawn(write(Arc::clone(self)));
        task.await.unwrap_or_else(|error| Err(ended(&error).into()))
    }

    /// Returns the JSON of a secret.
    pub(crate) fn secret(&self, record: &SecretRecord) -> Result<Bytes, ReadError> {
        let evict = || self.lists.clear();
        let text = record.key.as_str().len() + record.value.len() + record.nonce.len();
        let size = Some(text + RECORD_OVERHEAD);
        let mut answer = Answer::begin(&self.answers, &evict, size)?;
        add_record(&mut answer, record)?;
        Ok(answer.finish())
    }
}

/// Adds what `answer.add(record)` would add. The general serializer examines a value byte by byte.
fn add_record(answer: &mut Answer<'_>, record: &SecretRecord) -> Result<(), ReadError> {
    let SecretRecord {
        key,
        value,
        nonce,
        expires_at,
        updated_at,
        version,
        key_epoch,
    } = record;
    answer.add_text(r#"{"key":"#)?;
    answer.add_string(key.as_str())?;
    answer.add_text(r#","value":"#)?;
    answer.add_string(value)?;
    answer.add_text(r#","nonce":"#)?;
    answer.add_string(nonce)?;
    for (name, time) in [
        (r#","expires_at":"#, expires_at),
        (r#","updated_at":"#, updated_at),
    ] {
        if !time.is_absent() {
            answer.add_text(name)?;
            answer.add(time)?;
        }
    }
    if let Some(version) = version {
        answer.add_text(r#","version":"#)?;
        answer.add_string(version.as_str())?;
    }
    if let Some(epoch) = key_epoch {
        answer.add_text(r#","key_epoch":"#)?;
        answer.add(epoch)?;
    }
    answer.add_text("}")
}

/// Returns the error of a task that panicked, or that the runtime dropped when the vault stopped.
fn ended(error: &tokio::task::JoinError) -> StoreError {
    StoreError::Failed(error.to_string())
}

#[cfg(test)]
mod tests;
