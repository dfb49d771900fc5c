use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Bytes;
use tokio::sync::Mutex;

use crate::answer::ReadError;
use crate::store::StoreError;

/// The builds of one list, one at a time.
///
/// A request that waits takes the result of a build that started after the request did: it contains all writes that
/// were acknowledged before. So a list that is written all the time is built twice for any number of requests, not once
/// for each.
#[derive(Default)]
pub(crate) struct Builds {
    started: AtomicU64,
    last: Arc<Mutex<Option<Built>>>,
}

struct Built {
    number: u64,
    body: Bytes,
}

impl Builds {
    /// Builds the list, or returns the result of a build that has started meanwhile.
    ///
    /// A build continues if its request is dropped: its thread cannot be stopped, and the next build must not run at the
    /// same time.
    pub(crate) async fn run(
        &self,
        build: impl Future<Output = Result<Bytes, ReadError>> + Send + 'static,
    ) -> Result<Bytes, ReadError> {
        let started_before = self.started.load(Ordering::SeqCst);
        let mut last = Arc::clone(&self.last).lock_owned().await;
        if let Some(last) = last.as_ref().filter(|last| last.number > started_before) {
            return Ok(last.body.clone());
        }
        let number = self.started.fetch_add(1, Ordering::SeqCst) + 1;
        let task = tokio::spawn(async move {
            let body = build.await?;
            *last = Some(Built {
                number,
                body: body.clone(),
            });
            Ok(body)
        });
        task.await
            .unwrap_or_else(|error| Err(StoreError::Failed(error.to_string()).into()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;

    /// The first of ten requests builds; the others started after that, so one of them builds again for all.
    #[tokio::test]
    async fn requests_share_the_build_that_starts_after_them() {
        let builds = Arc::new(Builds::default());
        let count = Arc::new(AtomicU64::new(0));
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let (builds, count) = (Arc::clone(&builds), Arc::clone(&count));
                tokio::spawn(async move {
                    let build = async move {
                        sleep(Duration::from_millis(50)).await;
                        let number = count.fetch_add(1, Ordering::SeqCst);
                        Ok(Bytes::from(vec![u8::try_from(number).unwrap()]))
                    };
                    builds.run(build).await.ok().unwrap()
                })
            })
            .collect();
        let mut bodies = Vec::new();
        for task in tasks {
            bodies.push(task.await.unwrap()[0]);
        }
        bodies.sort_unstable();
        assert_eq!(bodies, [0, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    }

    #[tokio::test]
    async fn a_failed_build_is_of_no_other_request() {
        let builds = Builds::default();
        let failed = builds.run(async { Err(ReadError::Overloaded) }).await;
        assert!(matches!(failed, Err(ReadError::Overloaded)));
        let body = builds.run(async { Ok(Bytes::from_static(b"a")) });
        assert_eq!(body.await.ok().unwrap(), "a");
    }

    /// Each request is dropped while its build runs, as when its client disconnects.
    #[tokio::test]
    async fn builds_of_dropped_requests_do_not_run_at_the_same_time() {
        let builds = Builds::default();
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..5 {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            let build = move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(50));
                running.fetch_sub(1, Ordering::SeqCst);
                Ok(Bytes::new())
            };
            // A blocking thread continues without its request.
            let request =
                builds.run(async move { tokio::task::spawn_blocking(build).await.unwrap() });
            let _ = tokio::time::timeout(Duration::from_millis(10), request).await;
        }
        assert_eq!(most.load(Ordering::SeqCst), 1);
    }
}
