//! Tasks that wait for one read of a cached value.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join_all;
use helvetisafe::{CachePolicy, ErrorKind, Freshness, Timeouts};
use helvetisafe_test_support::{Action, TOKEN, World, earlier};

use super::builder;

const DB: &str = "/api/v1/secrets/db";

/// Polls a future once; it has to be pending.
async fn begin(mut future: std::pin::Pin<&mut impl Future>) {
    let is_pending = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await;
    assert!(is_pending);
}

#[tokio::test]
async fn a_waiter_never_gets_a_value_from_before_a_write() {
    let world = World::new(move |seen, before| {
        let is_first = seen.is("GET", DB) && earlier(before, "GET", DB) == 0;
        // Slower than everything else in this test.
        let missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 14\r\n\r\n{\"error\":\"no\"}";
        is_first.then(|| Action::Drip(missing.to_vec(), Duration::from_millis(20)))
    });
    let policy = CachePolicy::new(Duration::from_secs(60));
    let client = builder(&world).cache(policy).connect().await.unwrap();
    let secrets = client.secrets();
    let reader = client.clone();
    let first = tokio::spawn(async move { reader.secrets().get("db").await });
    while world.proxy.count("GET", DB) == 0 {
        tokio::task::yield_now().await;
    }
    secrets.create("db", "v", None).await.unwrap();
    secrets.invalidate("db");
    let mut second = pin!(secrets.get("db"));
    begin(second.as_mut()).await;
    assert_eq!(
        first.await.unwrap().unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(second.await.unwrap().expose_secret(), "v");
}

#[tokio::test]
async fn waiters_continue_when_the_reader_is_dropped() {
    let world = World::new(|_, _| None);
    let policy = CachePolicy::new(Duration::from_secs(60));
    let client = builder(&world).cache(policy).connect().await.unwrap();
    let secrets = client.secrets();
    world.client().secrets().create("db", "v", None).unwrap();
    let mut waiter = pin!(secrets.get("db"));
    {
        let mut reader = pin!(secrets.get("db"));
        begin(reader.as_mut()).await;
        begin(waiter.as_mut()).await;
    }
    let secret = tokio::time::timeout(Duration::from_secs(10), waiter).await;
    assert_eq!(secret.unwrap().unwrap().expose_secret(), "v");
    assert_eq!(world.proxy.count("GET", DB), 1, "the read went on");
}

#[tokio::test]
async fn an_unpolled_future_does_not_block_waiters() {
    let world = World::new(|_, _| None);
    let policy = CachePolicy::new(Duration::from_secs(60));
    let client = builder(&world).cache(policy).connect().await.unwrap();
    let secrets = client.secrets();
    world.client().secrets().create("db", "v", None).unwrap();
    let mut kept = pin!(secrets.get("db"));
    begin(kept.as_mut()).await;
    let other = tokio::time::timeout(Duration::from_secs(10), secrets.get("db")).await;
    assert_eq!(other.unwrap().unwrap().expose_secret(), "v");
    assert_eq!(kept.await.unwrap().expose_secret(), "v");
    assert_eq!(world.proxy.count("GET", DB), 1);
}

fn hasty() -> Timeouts {
    Timeouts {
        operation: Duration::from_secs(1),
        ..Timeouts::default()
    }
}

#[tokio::test]
async fn a_waiter_does_not_get_the_timeout_of_the_reader() {
    let world = World::new(|seen, before| {
        let is_first = seen.is("GET", DB) && earlier(before, "GET", DB) == 0;
        is_first.then_some(Action::Stall(Duration::from_secs(5)))
    });
    let policy = CachePolicy::new(Duration::from_secs(60));
    let builder = builder(&world).timeouts(hasty()).cache(policy);
    let client = builder.connect().await.unwrap();
    world.client().secrets().create("db", "v", None).unwrap();
    let reader = client.clone();
    let first = tokio::spawn(async move { reader.secrets().get("db").await });
    tokio::time::sleep(Duration::from_millis(600)).await;
    let second = client.secrets().get("db").await;
    assert_eq!(second.unwrap().expose_secret(), "v");
    let error = first.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
}

#[tokio::test]
async fn a_stale_value_serves_readers_and_waiters_until_its_limit() {
    let world = World::new(|seen, before| {
        let is_later = seen.is("GET", DB) && earlier(before, "GET", DB) > 0;
        is_later.then_some(Action::Stall(Duration::from_secs(5)))
    });
    let policy = CachePolicy {
        stale_for: Duration::from_secs(60),
        ..CachePolicy::new(Duration::from_millis(1))
    };
    let builder = builder(&world).timeouts(hasty()).cache(policy);
    let client = builder.connect().await.unwrap();
    world.client().secrets().create("db", "v", None).unwrap();
    client.secrets().get("db").await.unwrap();
    let read = |after: u64| {
        let client = client.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(after)).await;
            client.secrets().get("db").await
        }
    };
    for secret in join_all([10, 300, 400, 500, 950].map(read)).await {
        let secret = secret.unwrap();
        let is_stale = matches!(secret.freshness(), Freshness::Stale { .. });
        assert!(is_stale, "{:?}", secret.freshness());
    }
}

/// The first of two calls has little of its timeout left when it starts the renewal.
#[tokio::test]
async fn a_renewal_has_its_full_timeout_whichever_caller_started_it() {
    let renews = Arc::new(AtomicBool::new(false));
    let begins = Arc::clone(&renews);
    let world = World::new(move |seen, before| {
        // Each of the two clients fetches one to connect.
        if seen.is("POST", TOKEN) && earlier(before, "POST", TOKEN) == 2 {
            begins.store(true, Ordering::SeqCst);
            std::thread::sleep(Duration::from_secs(1));
        }
        let refused = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_vec();
        let is_first = seen.is("GET", DB) && earlier(before, "GET", DB) == 0;
        is_first.then_some(Action::Drip(refused, Duration::from_millis(25)))
    });
    let timeouts = Timeouts {
        operation: Duration::from_secs(2),
        ..Timeouts::default()
    };
    let client = builder(&world).timeouts(timeouts).connect().await.unwrap();
    world.client().secrets().create("db", "v", None).unwrap();
    let reader = client.clone();
    let first = tokio::spawn(async move { reader.secrets().get("db").await });
    while !renews.load(Ordering::SeqCst) && !first.is_finished() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let second = client.secrets().get("db").await;
    assert_eq!(second.unwrap().expose_secret(), "v");
    let error = first.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(world.proxy.count("POST", TOKEN), 3, "one for both");
}
