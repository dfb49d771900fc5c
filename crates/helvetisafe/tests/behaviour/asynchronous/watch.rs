//! `AsyncWatch::begin`, which polls before the first `next`.

use std::time::Duration;

use helvetisafe::{AsyncClient, AsyncWatch, ChangeKind};
use helvetisafe_test_support::{Action, SECRETS, World, earlier};
use tokio::time::timeout;

use super::cancel::polled;
use super::client;

fn watch(client: &AsyncClient) -> AsyncWatch {
    let interval = Duration::from_millis(20);
    client.secrets().watch(["a"], interval).unwrap()
}

/// Expects a changed `a` as the next change.
async fn notices(watch: &mut AsyncWatch) {
    let next = timeout(Duration::from_secs(10), watch.next()).await;
    let change = next.unwrap().unwrap().unwrap();
    assert_eq!(
        (change.key().as_str(), change.kind()),
        ("a", ChangeKind::Changed)
    );
}

/// A change between the first poll and the first `next` is not lost.
#[tokio::test]
async fn a_started_watch_sees_changes_before_its_first_poll() {
    let world = World::new(|_, _| None);
    let client = client(&world).await;
    client.secrets().put("a", "first", None).await.unwrap();
    let mut watch = watch(&client);
    let begun = async move { watch.begin().await.map(|()| watch) };
    let mut watch = tokio::spawn(begun).await.unwrap().unwrap();
    client.secrets().put("a", "second", None).await.unwrap();
    notices(&mut watch).await;
    // A later `begin` discards the changes since the last poll.
    client.secrets().put("a", "third", None).await.unwrap();
    watch.begin().await.unwrap();
    let next = timeout(Duration::from_millis(200), watch.next()).await;
    assert!(next.is_err(), "nothing has changed since");
}

#[tokio::test]
async fn a_begin_dropped_at_any_point_leaves_the_watch_unchanged() {
    let world = World::new(|_, _| None);
    let client = client(&world).await;
    client.secrets().put("a", "first", None).await.unwrap();
    let mut watch = watch(&client);
    watch.begin().await.unwrap();
    let (mut dropped, mut times) = (0, 1);
    loop {
        client.secrets().put("a", "again", None).await.unwrap();
        if polled(times, watch.begin()).await.is_some() {
            break;
        }
        notices(&mut watch).await;
        dropped += 1;
        times += 1;
    }
    assert!(dropped > 1, "some have to be dropped on their way");
}

/// A failed `begin` leaves the watch unchanged too.
#[tokio::test]
async fn a_begin_that_fails_loses_no_change() {
    let world = World::new(|seen, before| {
        (seen.is("GET", SECRETS) && earlier(before, "GET", SECRETS) == 1)
            .then(|| Action::Answer(400, "", Vec::new()))
    });
    let client = client(&world).await;
    client.secrets().put("a", "first", None).await.unwrap();
    let mut watch = watch(&client);
    watch.begin().await.unwrap();
    client.secrets().put("a", "second", None).await.unwrap();
    watch.begin().await.unwrap_err();
    notices(&mut watch).await;
}

/// The poll of a dropped `next` may be older than that of `begin`.
#[tokio::test]
async fn a_begin_replaces_a_poll_in_flight() {
    let world = World::new(|seen, before| {
        let is_first = seen.is("GET", SECRETS) && earlier(before, "GET", SECRETS) == 0;
        // Slower than everything else in this test.
        let failure = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
        is_first.then(|| Action::Drip(failure.to_vec(), Duration::from_millis(20)))
    });
    let client = client(&world).await;
    client.secrets().put("a", "first", None).await.unwrap();
    let mut watch = watch(&client);
    while world.proxy.count("GET", SECRETS) == 0 {
        let next = timeout(Duration::from_millis(5), watch.next()).await;
        assert!(next.is_err(), "its answer takes longer");
    }
    watch.begin().await.unwrap();
    client.secrets().put("a", "second", None).await.unwrap();
    notices(&mut watch).await;
}

/// A `select!` drops many futures of `next`; the interval continues.
#[tokio::test]
async fn a_repeatedly_dropped_next_still_sees_the_change() {
    let world = World::new(|_, _| None);
    let client = client(&world).await;
    client.secrets().put("a", "first", None).await.unwrap();
    let mut watch = watch(&client);
    watch.begin().await.unwrap();
    client.secrets().put("a", "second", None).await.unwrap();
    notices(&mut watch).await;
    // From here on it sleeps before each poll.
    client.secrets().put("a", "third", None).await.unwrap();
    let impatient = async {
        loop {
            if let Ok(next) = timeout(Duration::from_millis(1), watch.next()).await {
                return next.unwrap().unwrap();
            }
        }
    };
    let change = timeout(Duration::from_secs(10), impatient).await.unwrap();
    assert_eq!(change.kind(), ChangeKind::Changed);
}

#[tokio::test]
async fn a_watch_shows_if_its_last_poll_failed() {
    let world = World::new(|seen, before| {
        (seen.is("GET", SECRETS) && earlier(before, "GET", SECRETS) == 1)
            .then(|| Action::Answer(400, "", Vec::new()))
    });
    let client = client(&world).await;
    client.secrets().put("a", "first", None).await.unwrap();
    let mut watch = watch(&client);
    watch.begin().await.unwrap();
    assert!(!watch.is_failing());
    let failed = timeout(Duration::from_secs(10), watch.next()).await;
    assert!(failed.unwrap().unwrap().is_err());
    assert!(watch.is_failing());
    client.secrets().put("a", "second", None).await.unwrap();
    notices(&mut watch).await;
    assert!(!watch.is_failing());
}
