//! Many secrets at once: a bounded number of calls in flight, each with its own outcome.

use super::Operations;
use crate::error::{Error, ErrorKind};
use crate::put_item::PutItem;
use crate::runtime::{Boxed, Runtime};
use crate::secret::{Secret, SecretMetadata};

/// The futures are boxed, so that the compiler sees that they are `Send`.
impl<R: Runtime> Operations<'_, R> {
    pub(crate) fn each<'a, T: Send + 'a>(
        &'a self,
        count: usize,
        job: impl Fn(usize) -> Boxed<'a, T> + Send + Sync + 'a,
        finished: impl FnMut(usize) + Send + 'a,
    ) -> Boxed<'a, Vec<T>> {
        let runtime = &self.vault.api.runtime;
        Box::pin(runtime.each(count, self.vault.concurrency, job, finished))
    }

    pub(crate) fn get_many<'a>(
        &'a self,
        keys: &'a [&'a str],
        finished: impl FnMut(usize) + Send + 'a,
    ) -> Boxed<'a, Vec<Result<Secret, Error>>> {
        let get = move |at: usize| -> Boxed<'a, _> {
            Box::pin(async move { self.begin().get(keys[at]).await })
        };
        self.each(keys.len(), get, finished)
    }

    /// Reads many secrets, each with the fields that the caller expects in it.
    pub(crate) fn get_many_with_fields<'a>(
        &'a self,
        requests: &'a [(&'a str, Vec<&'a str>)],
    ) -> Boxed<'a, Vec<Result<Secret, Error>>> {
        let get = move |at: usize| -> Boxed<'a, _> {
            let (key, fields) = &requests[at];
            Box::pin(async move { self.begin().get_with_fields(key, fields).await })
        };
        self.each(requests.len(), get, |_| ())
    }

    pub(crate) async fn get_all(&self) -> Result<Vec<Result<Secret, Error>>, Error> {
        let listed = self.begin().list().await?;
        let keys: Vec<_> = listed.iter().filter_map(valid).collect();
        let mut secrets = self.get_many(&keys, |_| ()).await;
        // Secrets that were deleted or expired since they were listed.
        secrets.retain(|outcome| !outcome.as_ref().is_err_and(is_gone));
        Ok(secrets)
    }

    pub(crate) fn put_many<'a>(
        &'a self,
        items: &'a [impl PutItem + Sync],
        finished: impl FnMut(usize) + Send + 'a,
    ) -> Boxed<'a, Vec<Result<SecretMetadata, Error>>> {
        let put = move |at: usize| -> Boxed<'a, _> {
            let item = &items[at];
            let (key, value, expiry) = (item.key(), item.expose_value(), item.expiry());
            Box::pin(async move { self.begin().put(key, value, expiry).await })
        };
        self.each(items.len(), put, finished)
    }
}

/// Returns the name if it is valid; no secret can have any other.
fn valid(listed: &SecretMetadata) -> Option<&str> {
    listed.key().valid().map(|key| key.as_str())
}

fn is_gone(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound
}
