//! Reading through the cache, and telling it what is written.

use std::sync::Arc;

use helvetisafe_crypto::Payload;
use helvetisafe_proto::KeyName;
use jiff::Timestamp;

use super::Operations;
use crate::cache::{Cache, Freshness, Reading, Step, Value};
use crate::connection::Connection;
use crate::driver::{Boxed, Completed, Driver, Gate};
use crate::error::{Action, Cause, Error};
use crate::org_keys::Purpose;
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
            let seen = cache.landed().count();
            let step = cache.step(key, before, session.now(), session.longest_shared());
            let remaining = session.remaining(deadline);
            match step {
                Step::Take(outcome) => return outcome,
                _ if remaining.is_zero() => return self.failed(cache, key, Cause::Deadline),
                Step::Read(reading) => {
                    let deadline = session.shared_deadline(deadline);
                    let read = read_for_all(Arc::clone(self.0), reading, deadline);
                    // Boxed, so that the compiler sees that it is `Send`.
                    let read: Boxed<'_, _> = Box::pin(session.driver.complete(read, remaining));
                    match read.await {
                        Completed::Done(outcome) => return outcome,
                        Completed::Late => {}
                        Completed::RuntimeEnded => {
                            return self.failed(cache, key, Cause::RuntimeEnded);
                        }
                    }
                }
                Step::Wait { at_most } => {
                    let time = remaining.min(at_most);
                    cache.landed().wait(seen, time).await;
                }
            }
        }
    }

    fn failed(
        &self,
        cache: &Cache<D::Gate>,
        key: &KeyName,
        cause: Cause,
    ) -> Result<(Value, Freshness), Error> {
        let error = Error::new(Action::Get(key.clone()), cause);
        cache.fallback(key, error, self.0.session.now())
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

/// Reads a value while others wait for it. The mark that it is being read goes with the future, also
/// where that is never polled.
fn read_for_all<D: Driver>(
    connection: Arc<Connection<D>>,
    reading: Reading<D::Gate>,
    deadline: Deadline,
) -> Boxed<'static, Result<(Value, Freshness), Error>> {
    Box::pin(async move {
        let session = &connection.session;
        let whole = session.has_just_begun(deadline);
        let operations = Operations::new(&connection);
        match operations
            .get_value(reading.key(), Purpose::Read, deadline)
            .await
        {
            Err(error) if session.ran_out(&error, deadline) => {
                reading.run_out(error, whole, session.now())
            }
            outcome => reading.end(outcome, session.now()),
        }
    })
}
