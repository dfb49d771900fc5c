//! Many secrets at once: a bounded number under way, each with its own outcome.

use super::Operations;
use crate::driver::{Boxed, Driver};
use crate::error::{Error, ErrorKind};
use crate::secret::{Secret, SecretMetadata};

/// Boxed, so that the compiler sees that what awaits them is `Send`.
impl<D: Driver> Operations<'_, D> {
    pub(crate) fn get_many<'a>(
        &'a self,
        keys: &'a [&'a str],
        finished: impl FnMut(usize) + Send + 'a,
    ) -> Boxed<'a, Vec<Result<Secret, Error>>> {
        let session = &self.0.session;
        let get = move |at: usize| -> Boxed<'a, _> { Box::pin(self.get(keys[at])) };
        let all = session
            .driver
            .each(keys.len(), session.concurrency, get, finished);
        Box::pin(all)
    }

    pub(crate) async fn get_all(&self) -> Result<Vec<Result<Secret, Error>>, Error> {
        let listed = self.list().await?;
        let keys: Vec<_> = listed.iter().filter_map(valid).collect();
        let mut secrets = self.get_many(&keys, |_| ()).await;
        // Deleted, or expired, since it was listed.
        secrets.retain(|outcome| !outcome.as_ref().is_err_and(is_gone));
        Ok(secrets)
    }

    pub(crate) fn put_many<'a>(
        &'a self,
        items: &'a [(&'a str, &'a str)],
        finished: impl FnMut(usize) + Send + 'a,
    ) -> Boxed<'a, Vec<Result<SecretMetadata, Error>>> {
        let session = &self.0.session;
        let put = move |at: usize| -> Boxed<'a, _> {
            let (key, value) = items[at];
            Box::pin(self.put(key, value, None))
        };
        let all = session
            .driver
            .each(items.len(), session.concurrency, put, finished);
        Box::pin(all)
    }
}

/// A name that can be asked for; no secret can have any other.
fn valid(listed: &SecretMetadata) -> Option<&str> {
    listed.key().valid().map(|key| key.as_str())
}

fn is_gone(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound
}
