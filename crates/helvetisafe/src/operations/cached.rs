//! Reads through the cache, and updates it on writes.

use std::sync::Arc;

use helvetisafe_crypto::Payload;
use helvetisafe_proto::KeyName;
use jiff::Timestamp;

use super::Operation;
use crate::cache::{Cache, Freshness, Outcome, ReadFlight, Value};
use crate::error::{Action, Error};
use crate::event::{Event, HiddenKey};
use crate::org_keys::Purpose;
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
        let outcome = match flight.join(next, read).await {
            Ok(outcome) => outcome,
            Err(cause) => {
                let error = Error::new(Action::Get(key.clone()), cause);
                cache.fallback(key, error, api.runtime.both_clocks())
            }
        };
        api.observer.emit(event(key, &outcome));
        outcome
    }

    /// Makes a write and updates the cache with its outcome.
    pub(super) async fn write(
        &self,
        key: &KeyName,
        plaintext: &[u8],
        expires_at: Option<Timestamp>,
        write: impl Future<Output = Result<SecretMetadata, Error>> + Send,
    ) -> Result<SecretMetadata, Error> {
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

/// Returns the event of a read through the cache.
fn event<'a>(key: &'a KeyName, outcome: &'a Outcome) -> Event<'a> {
    let key = HiddenKey(key);
    match outcome {
        Ok((_, Freshness::Cached { age })) => Event::CacheHit { key, age: *age },
        Ok((_, Freshness::Stale { age, error })) => Event::CacheStale {
            key,
            age: *age,
            error,
        },
        Ok((_, Freshness::Fresh)) | Err(_) => Event::CacheMiss { key },
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
        let begun = runtime.now();
        let is_whole = time.is_whole(begun);
        let operation = Operation {
            vault: &vault,
            deadline: time.deadline,
        };
        let result = operation.get_value(flight.key(), Purpose::Read).await;
        let now = runtime.both_clocks();
        vault.api.observer.emit(Event::CacheRefreshed {
            key: HiddenKey(flight.key()),
            error: result.as_ref().err(),
            after: now.clock.saturating_sub(begun),
        });
        Some(match result {
            Err(error) if time.has_timed_out(&error, now.clock) => {
                flight.time_out(error, is_whole, now)
            }
            result => flight.end(result, now),
        })
    })
}
