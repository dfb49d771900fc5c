//! Compares the org key of a ticket with that of the vault, before the client seals under it. One caller does so
//! and the others wait.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Vault;
use crate::bounds::Bounds;
use crate::error::{Action, Error};
use crate::org_keys::{ConfirmedKey, Purpose};
use crate::runtime::{Boxed, Notify, Runtime};
use crate::single_flight::{FlightId, FlightTime, SingleFlight, Slot, Step};

/// The comparison in progress, if there is one.
pub(super) struct Comparison<N> {
    slot: Mutex<Slot>,
    /// Notified at the end of each.
    ended: N,
}

impl<N: Notify> Default for Comparison<N> {
    fn default() -> Self {
        Self {
            slot: Mutex::default(),
            ended: N::default(),
        }
    }
}

impl<N> Comparison<N> {
    /// The state is consistent even after a panic, so poison does not matter.
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Runtime> Vault<R> {
    /// Returns the key that encrypts. Fails if the client has it from a ticket and the vault has another one
    /// that the policy does not confirm.
    pub(crate) async fn sealing_key(
        self: &Arc<Self>,
        action: &Action,
        bounds: &Bounds,
    ) -> Result<ConfirmedKey, Error> {
        if let Some(key) = self.org_keys.sealing_key() {
            return Ok(key);
        }
        let next = |longest| self.next_step(longest);
        let compare = |flight: Flight<R>, time: FlightTime| -> Boxed<'static, _> {
            let action = action.clone();
            Box::pin(async move {
                let vault = &flight.vault;
                let compared =
                    vault.check_org_key(&action, Purpose::SealAgain, false, &time.bounds);
                compared.await.err().map(Err)
            })
        };
        let flight = SingleFlight {
            runtime: &self.api.runtime,
            landed: &self.comparison.ended,
            operation: self.api.timeouts.operation,
            bounds,
            is_detached: false,
        };
        match flight.join(next, compare).await {
            Ok(outcome) => outcome,
            Err(cause) => Err(Error::new(action.clone(), cause)),
        }
    }

    fn next_step(
        self: &Arc<Self>,
        longest: Duration,
    ) -> Step<Result<ConfirmedKey, Error>, Flight<R>> {
        let mut slot = self.comparison.lock();
        if let Some(key) = self.org_keys.sealing_key() {
            return Step::Take(Ok(key));
        }
        match slot.begin(self.api.runtime.now(), longest) {
            Err(at_most) => Step::Wait { at_most },
            Ok(id) => Step::Fly(Flight {
                vault: Arc::clone(self),
                id,
            }),
        }
    }
}

/// A comparison in progress. Its drop frees the slot and wakes the waiters.
struct Flight<R: Runtime> {
    vault: Arc<Vault<R>>,
    id: FlightId,
}

impl<R: Runtime> Drop for Flight<R> {
    fn drop(&mut self) {
        self.vault.comparison.lock().free(self.id);
        self.vault.comparison.ended.notify();
    }
}
