//! Tasks that wait for one read of a cached value.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use helvetisafe::{CachePolicy, ErrorKind};

use crate::builder;
use crate::proxy::Deed;
use crate::world::{World, earlier};

const DB: &str = "/api/v1/secrets/db";

/// Polls once a future that has to wait.
async fn begin(mut future: std::pin::Pin<&mut impl Future>) {
    let is_pending = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await;
    assert!(is_pending);
}

#[tokio::test]
async fn who_waits_is_not_told_what_was_so_before_a_write() {
    let world = World::new(move |seen, before| {
        let is_first = seen.is("GET", DB) && earlier(before, "GET", DB) == 0;
        // Slower than all that happens meanwhile.
        let missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        is_first.then(|| Deed::Drip(missing.to_vec(), Duration::from_millis(20)))
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
async fn who_waits_goes_on_when_the_reader_is_dropped() {
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
}
