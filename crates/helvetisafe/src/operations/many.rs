//! Many secrets at once: a bounded number under way, each with its own outcome.

use super::Operations;
use crate::driver::{Boxed, Driver};
use crate::error::{Error, ErrorKind};
use crate::secret::{Secret, SecretMetadata};

impl<D: Driver> Operations<'_, D> {
    pub(crate) async fn each<'a, T: Send>(
        &self,
        count: usize,
        job: impl Fn(usize) -> Boxed<'a, T> + Send + Sync,
        finished: impl FnMut(usize) + Send,
    ) -> Vec<T> {
        let session = &self.0.session;
        session
            .driver
            .each(count, session.concurrency, job, finished)
            .await
    }

    pub(crate) async fn get_many(
        &self,
        keys: &[&str],
        finished: impl FnMut(usize) + Send,
    ) -> Vec<Result<Secret, Error>> {
        let get = |at: usize| -> Boxed<'_, _> { Box::pin(self.get(keys[at])) };
        self.each(keys.len(), get, finished).await
    }

    pub(crate) async fn get_all(&self) -> Result<Vec<Result<Secret, Error>>, Error> {
        let listed = self.list().await?;
        let keys: Vec<_> = listed.iter().filter_map(valid).collect();
        let mut secrets = self.get_many(&keys, |_| ()).await;
        // Deleted, or expired, since it was listed.
        secrets.retain(|outcome| !outcome.as_ref().is_err_and(is_gone));
        Ok(secrets)
    }

    pub(crate) async fn put_many(
        &self,
        items: &[(&str, &str)],
        finished: impl FnMut(usize) + Send,
    ) -> Vec<Result<SecretMetadata, Error>> {
        let put = |at: usize| -> Boxed<'_, _> {
            let (key, value) = items[at];
            Box::pin(self.put(key, value, None))
        };
        self.each(items.len(), put, finished).await
    }
}

/// A name that can be asked for; no secret can have any other.
fn valid(listed: &SecretMetadata) -> Option<&str> {
    listed.key().valid().map(|key| key.as_str())
}

fn is_gone(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound
}
