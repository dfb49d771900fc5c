//! Reads through the cache, and updates it on writes.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use helvetisafe_crypto::Payload;
use helvetisafe_proto::KeyName;
use jiff::Timestamp;

use super::{Operation, Operations};
use crate::bounds::Bounds;
use crate::cache::{Cache, Freshness, Outcome, ReadFlight, Value};
use crate::clock::Deadline;
use crate::error::{Action, Cause, Error};
use crate::event::{Event, EventError, HiddenKey};
use crate::runtime::{Boxed, Runtime};
use crate::secret::SecretMetadata;
use crate::single_flight::{FlightTime, SingleFlight};
use crate::vault::Vault;

impl<R: Runtime> Operation<'_, R> {
    /// Returns a value from the cache or from the vault, and reports which.
    pub(super) async fn get_cached(&self, cache: &Cache<R::Notify>, key: &KeyName) -> Outcome {
        let outcome = self.find(cache, key).await;
        self.vault.api.observer.emit(event(key, &outcome));
        outcome
    }

    /// Returns a value from the cache or from the vault, which is read once for all callers.
    async fn find(&self, cache: &Cache<R::Notify>, key: &KeyName) -> Outcome {
        let now = self.vault.api.runtime.both_clocks();
        if let Some(hit) = cache.hit(key, now) {
            return Ok(hit);
        }
        let before = cache.completed_reads(key);
        if let Some(outcome) = self.get_soon(cache, key, before).await {
            return outcome;
        }
        match self.join(cache, key, before, &self.bounds, false).await {
            Ok(outcome) => outcome,
            Err(cause) => {
                let error = Error::new(Action::Get(key.clone()), cause);
                cache.fallback(key, error, self.vault.api.runtime.both_clocks())
            }
        }
    }

    /// Reads a key that has an old value: after a short wait that value is returned, and the read continues.
    /// Returns `None` if there is no old value, or the caller has no time for that wait.
    async fn get_soon(
        &self,
        cache: &Cache<R::Notify>,
        key: &KeyName,
        before: u64,
    ) -> Option<Outcome> {
        let runtime = &self.vault.api.runtime;
        let now = runtime.both_clocks();
        let wait = cache.wait_before_stale(key, now)?;
        let deadline = Deadline::after(now.clock, wait);
        if deadline >= self.bounds.deadline {
            return None;
        }
        let bounds = Bounds {
            deadline,
            ..self.bounds.clone()
        };
        let cause = match self.join(cache, key, before, &bounds, true).await {
            Ok(outcome) => return Some(outcome),
            Err(Cause::Deadline) => Cause::Unfinished(wait),
            Err(cause) => cause,
        };
        let error = Error::new(Action::Get(key.clone()), cause);
        if error.is_cancelled() {
            return Some(Err(error));
        }
        let stale = cache.stale_instead(key, error, runtime.both_clocks());
        // Without the old value, which was dropped meanwhile, the read has its whole time.
        stale.ok().map(Ok)
    }

    /// Waits within `bounds` for a value that another caller reads, or reads it. A detached read continues after
    /// that.
    async fn join(
        &self,
        cache: &Cache<R::Notify>,
        key: &KeyName,
        before: u64,
        bounds: &Bounds,
        is_detached: bool,
    ) -> Result<Outcome, Cause> {
        let api = &self.vault.api;
        let next = |longest| cache.step(key, before, api.runtime.both_clocks(), longest);
        let read = |flight, time| read_for_all(Arc::clone(self.vault), flight, time);
        let flight = SingleFlight {
            runtime: &api.runtime,
            landed: cache.landed(),
            operation: api.timeouts.operation,
            bounds,
            is_detached,
        };
        flight.join(next, read).await
    }

    /// Reads from the vault, and updates the cache with the result.
    pub(super) async fn get_past_cache(
        &self,
        cache: &Cache<R::Notify>,
        key: &KeyName,
    ) -> Result<Value, Error> {
        let runtime = &self.vault.api.runtime;
        let bypass = cache.begin_bypass(key, runtime.both_clocks());
        let result = self.get_value(key).await;
        bypass.end(&result, runtime.both_clocks());
        result
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
                updated_at: written.updated_at().or(written.created_at()),
                version: written.version().cloned(),
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
            error: EventError(error),
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
            bounds: time.bounds.clone(),
            bypasses_cache: false,
        };
        let result = operation.get_value(flight.key()).await;
        let now = runtime.both_clocks();
        vault.api.observer.emit(Event::CacheRefreshed {
            key: HiddenKey(flight.key()),
            error: result.as_ref().err().map(EventError),
            after: now.clock.saturating_sub(begun),
        });
        let outcome = match result {
            Err(error) if time.has_timed_out(&error, now.clock) => {
                let is_whole = is_whole && !error.is_cancelled();
                flight.time_out(error, is_whole, now)
            }
            result => flight.end(result, now),
        };
        refresh_due(&vault);
        Some(outcome)
    })
}

/// Reads in the background what was returned stale while the vault did not answer, if it does now.
fn refresh_due<R: Runtime>(vault: &Arc<Vault<R>>) {
    let due = vault.cache.as_ref().map(Cache::take_due);
    if let Some(keys) = due.filter(|keys| !keys.is_empty()) {
        let refreshed = refresh(Arc::downgrade(vault), keys);
        vault.api.runtime.spawn(refreshed);
    }
}

/// Reads the keys one after the other, as long as there is a client.
fn refresh<R: Runtime>(vault: Weak<Vault<R>>, keys: BTreeSet<KeyName>) -> Boxed<'static, ()> {
    Box::pin(async move {
        for key in &keys {
            let Some(vault) = vault.upgrade() else { return };
            let Some(cache) = &vault.cache else { return };
            let operation = Operations::new(&vault).begin();
            let before = cache.completed_reads(key);
            let read = operation.join(cache, key, before, &operation.bounds, false);
            // The result is for the cache.
            let _ = read.await;
        }
    })
}
