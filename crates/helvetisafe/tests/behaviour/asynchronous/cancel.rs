//! Futures that are dropped leave no lock held and no token lost.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use helvetisafe::CachePolicy;
use helvetisafe_test_support::{Action, TOKEN, World};
use tokio::time::timeout;

use super::{builder, client};

/// Polls a future at most this number of times, then drops it.
pub(crate) async fn polled<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|cx| {
        if let Poll::Ready(value) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(value));
        }
        left -= 1;
        if left == 0 {
            Poll::Ready(None)
        } else {
            Poll::Pending
        }
    })
    .await
}

#[tokio::test]
async fn an_operation_dropped_at_any_point_leaves_the_client_usable() {
    let world = World::new(|_, _| None);
    let policy = CachePolicy::new(Duration::from_millis(1));
    let client = builder(&world).cache(policy).connect().await.unwrap();
    let secrets = client.secrets();
    secrets.create("db", "v", None).await.unwrap();
    let mut finished = 0;
    for times in 1..40 {
        finished += usize::from(polled(times, secrets.get("db")).await.is_some());
        polled(times, secrets.put("db", "v", None)).await;
        polled(times, secrets.get_many(&["db", "db", "other"])).await;
        // The dropped operation does not block the next one.
        let next = timeout(Duration::from_secs(5), secrets.get("db")).await;
        assert_eq!(next.unwrap().unwrap().expose_secret(), "v", "{times}");
    }
    assert!(finished > 0, "some have to come to their end");
    assert_eq!(world.proxy.count("POST", TOKEN), 1, "the token is not lost");
}

#[tokio::test]
async fn a_renewal_continues_after_its_caller_is_dropped() {
    let slow = Arc::new(AtomicBool::new(false));
    let is_slow = Arc::clone(&slow);
    let world = World::with(
        helvetisafe_server::Vault::builder()
            .token_life(Duration::from_secs(2))
            .start()
            .unwrap(),
        helvetisafe_server::NewAccount::default(),
        move |seen, _| {
            if is_slow.load(Ordering::SeqCst) && seen.is("POST", TOKEN) {
                std::thread::sleep(Duration::from_millis(300));
            }
            None
        },
    );
    let client = client(&world).await;
    client.secrets().create("db", "v", None).await.unwrap();
    slow.store(true, Ordering::SeqCst);
    // Past half of the token's lifetime: the next call renews it.
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let before = world.proxy.count("POST", TOKEN);
    let hasty = timeout(Duration::from_millis(100), client.secrets().get("db")).await;
    assert!(hasty.is_err(), "the token takes longer");
    let secret = client.secrets().get("db").await.unwrap();
    assert_eq!(secret.expose_secret(), "v");
    assert_eq!(
        world.proxy.count("POST", TOKEN),
        before + 1,
        "one request for both"
    );
}

#[tokio::test]
async fn a_renewal_serves_the_remaining_of_a_hundred_tasks() {
    let world = World::new(|seen, before| {
        let tokens = before.iter().filter(|seen| seen.is("POST", TOKEN)).count();
        let first_read = before.iter().filter(|seen| seen.method == "GET").count() == 1;
        let _ = tokens;
        (first_read && seen.is("GET", "/api/v1/secrets/db"))
            .then(|| Action::Answer(401, "", Vec::new()))
    });
    let client = client(&world).await;
    world.client().secrets().create("db", "v", None).unwrap();
    let before = world.proxy.count("POST", TOKEN);
    let tasks = (0..100).map(|n| {
        let client = client.clone();
        tokio::spawn(async move {
            if n % 10 == 0 {
                Some(
                    client
                        .secrets()
                        .get("db")
                        .await
                        .unwrap()
                        .expose_secret()
                        .to_owned(),
                )
            } else {
                polled(1 + n % 7, client.secrets().get("db")).await;
                None
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        if let Some(value) = task.await.unwrap() {
            assert_eq!(value, "v");
        }
    }
    assert!(world.proxy.count("POST", TOKEN) - before <= 1);
}
