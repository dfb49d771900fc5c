use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Bytes;
use tokio::sync::Mutex;

/// The builds of one list, one at a time.
///
/// A request that waits takes the result of a build that started after the request did: it contains all writes that
/// were acknowledged before. So a list that is written all the time is built twice for any number of requests, not once
/// for each.
#[derive(Default)]
pub(crate) struct Builds {
    started: AtomicU64,
    last: Mutex<Option<Built>>,
}

struct Built {
    number: u64,
    body: Bytes,
}

impl Builds {
    /// Builds the list, or returns the result of a build that has started meanwhile.
    pub(crate) async fn run<E>(
        &self,
        build: impl Future<Output = Result<Bytes, E>>,
    ) -> Result<Bytes, E> {
        let started_before = self.started.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        if let Some(last) = last.as_ref().filter(|last| last.number > started_before) {
            return Ok(last.body.clone());
        }
        let number = self.started.fetch_add(1, Ordering::SeqCst) + 1;
        let body = build.await?;
        *last = Some(Built {
            number,
            body: body.clone(),
        });
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
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
                    let build = async {
                        sleep(Duration::from_millis(50)).await;
                        let number = count.fetch_add(1, Ordering::SeqCst);
                        Ok::<_, ()>(Bytes::from(vec![u8::try_from(number).unwrap()]))
                    };
                    builds.run(build).await.unwrap()
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
        assert_eq!(builds.run(async { Err("full") }).await, Err("full"));
        let body = builds.run(async { Ok::<_, &str>(Bytes::from_static(b"a")) });
        assert_eq!(body.await.unwrap(), "a");
    }
}
