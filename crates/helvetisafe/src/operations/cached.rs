//! Reads through the cache, and updates it on writes.

use std::sync::Arc;

use helvetisafe_crypto::Payload;
use helvetisafe_proto::KeyName;
use jiff::Timestamp;

use super::Operation;
use crate::cache::{Cache, Outcome, ReadFlight, Value};
use crate::error::{Action, Error};
use crate::runtime::{Boxed, Runtime};
use crate::secret::SecretMetadata;
use crate::single_flight::{FlightTime, SingleFlight};
use crate::vault::Vault;

impl<R: Runtime> Operation<'_, R> {
    /// Returns a value from the cache or from the vault, which is read once for all callers.
    pub(super) async fn get_cached(&self, cache: &Cache<R::Notify>, key: &KeyName) -> Outcome {
        let api = &self.vault.api;
        let before = cache.completed_reads(key);
        let next = |longest| cache.step(key, before, api.runtime.both_clocks(), longest);
        let read = |flight, time| read_for_all(Arc::clone(self.vault), flight, time);
        let flight = SingleFlight {
            runtime: &api.runtime,
            landed: cache.landed(),
            operation: api.timeouts.operation,
            deadline: self.deadline,
        };
        match flight.join(next, read).await {
            Ok(outcome) => outcome,
            Err(cause) => {
                let error = Error::new(Action::Get(key.clone()), cause);
                cache.fallback(key, error, api.runtime.both_clocks())
            }
        }
    }

    /// Makes a write and updates the cache with its outcome.
    pub(super) async fn write(
        &self,
        key: &KeyName,
        plaintext: &[u8],
        expires_at: Option<Timestamp>,
        write: impl Future<Output = Result<SecretMetadata, Error>> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.vault.prefetched.forget(key.as_str());
        let Some(cache) = &self.vault.cache else {
            return write.await;
        };
        let pending = cache.begin_write(key);
        let written = write.await?;
        if let Ok(payload) = Payload::parse(plaintext.to_vec().into(), key.as_str()) {
            let value = Value {
                payload: Arc::new(payload),
                // The answer need not name the expiry.
                expires_at: written.expires_at().or(expires_at),
            };
            pending.end(value, self.vault.api.runtime.both_clocks());
        }
        Ok(written)
    }
}

/// Reads a value for all callers that wait for it. The future owns the flight, even if it is never polled.
fn read_for_all<R: Runtime>(
    vault: Arc<Vault<R>>,
    flight: ReadFlight<R::Notify>,
    time: FlightTime,
) -> Boxed<'static, Option<Outcome>> {
    Box::pin(async move {
        let runtime = &vault.api.runtime;
        let is_whole = time.is_whole(runtime.now());
        let operation = Operation {
            vault: &vault,
            deadline: time.deadline,
        };
        let result = operation.get_value(flight.key()).await;
        let now = runtime.both_clocks();
        Some(match result {
            Err(error) if time.has_timed_out(&error, now.clock) => {
                flight.time_out(error, is_whole, now)
            }
            result => flight.end(result, now),
        })
    })
}
