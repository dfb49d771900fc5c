//! Reading through the cache, and telling it what is written.

use std::sync::Arc;

use helvetisafe_crypto::Payload;
use helvetisafe_proto::KeyName;
use jiff::Timestamp;

use super::Operations;
use crate::cache::{Cache, Freshness, Step, Value};
use crate::driver::{Driver, Gate};
use crate::error::{Action, Cause, Error};
use crate::secret::SecretMetadata;
use crate::session::Deadline;

impl<D: Driver> Operations<'_, D> {
    /// A value from the cache, or from the vault: however many ask, it is read once.
    pub(super) async fn get_cached(
        &self,
        cache: &Cache<D::Gate>,
        key: &KeyName,
        deadline: Deadline,
    ) -> Result<(Value, Freshness), Error> {
        let session = &self.0.session;
        let before = cache.landings(key);
        loop {
            // Read before the state: a read that ends between the two ends the wait.
            let seen = cache.landed.count();
            match cache.step(key, before, self.0.session.now()) {
                Step::Take(outcome) => return outcome,
                Step::Read => {
                    let reading = cache.begin_read(key);
                    let outcome = self.get_value(key, deadline).await;
                    return reading.end(outcome, self.0.session.now());
                }
                Step::Wait => {
                    let remaining = session.remaining(deadline);
                    if remaining.is_zero() {
                        return Err(Error::new(Action::Get(key.clone()), Cause::Deadline));
                    }
                    cache.landed.wait(seen, remaining).await;
                }
            }
        }
    }

    /// Makes a write, and tells the cache what came of it.
    pub(super) async fn write(
        &self,
        key: &KeyName,
        plaintext: &[u8],
        asked_expiry: Option<Timestamp>,
        write: impl Future<Output = Result<SecretMetadata, Error>> + Send,
    ) -> Result<SecretMetadata, Error> {
        let Some(cache) = &self.0.cache else {
            return write.await;
        };
        let writing = cache.begin_write(key);
        let written = write.await?;
        if let Ok(payload) = Payload::parse(plaintext.to_vec().into(), key.as_str()) {
            let value = Value {
                payload: Arc::new(payload),
                // An answer need not name it.
                expires_at: written.expires_at().or(asked_expiry),
            };
            writing.end(value, self.0.session.now());
        }
        Ok(written)
    }

    /// What is no name is in no cache.
    pub(crate) fn invalidate(&self, key: &str) {
        if let Some(cache) = &self.0.cache {
            cache.forget(key);
        }
    }

    pub(crate) fn invalidate_all(&self) {
        if let Some(cache) = &self.0.cache {
            cache.clear();
        }
    }
}
