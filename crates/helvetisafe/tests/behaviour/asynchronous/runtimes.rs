//! Runtimes that end, blocking calls in tasks, and asynchronous calls from other threads.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use helvetisafe::{CachePolicy, ErrorKind};
use helvetisafe_server::{NewAccount, Vault};
use helvetisafe_test_support::{Action, SECRETS, TOKEN, World, answer, earlier};
use tokio::runtime::{Builder, Runtime};

use super::builder;
use super::cancel::polled;

const DB: &str = "/api/v1/secrets/db";

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_client_outlives_the_runtime_that_connected_it() {
    let world = World::new(|_, _| None);
    let first = runtime();
    let client = first
        .block_on(builder(&world).attempts(1).connect())
        .unwrap();
    first
        .block_on(client.secrets().put("db", "v", None))
        .unwrap();
    drop(first);
    // The connections of the first runtime ended with it, which costs no attempt.
    let secret = runtime().block_on(client.secrets().get("db")).unwrap();
    assert_eq!(secret.expose_secret(), "v");
}

#[test]
fn a_connection_of_an_idle_runtime_is_not_reused() {
    let world = World::new(|_, _| None);
    let [first, second] = [runtime(), runtime()];
    let client = first.block_on(super::client(&world));
    first
        .block_on(client.secrets().put("db", "v", None))
        .unwrap();
    let begun = Instant::now();
    let secret = second.block_on(client.secrets().get("db")).unwrap();
    assert_eq!(secret.expose_secret(), "v");
    // Far below the silence timeout of a connection.
    assert!(begun.elapsed() < Duration::from_secs(3));
    // From then on each runtime has its own connection.
    for runtime in [&first, &second] {
        runtime.block_on(client.secrets().get("db")).unwrap();
    }
    let connections = world.proxy.log().iter().map(|seen| seen.connection).max();
    assert_eq!(connections, Some(1));
}

/// Otherwise they would fill the pool, since no runtime uses them.
#[test]
fn connections_of_an_ended_runtime_are_dropped() {
    let world = World::new(|_, _| None);
    let first = runtime();
    let many = NonZeroUsize::new(64).unwrap();
    let client = first
        .block_on(builder(&world).concurrency(many).connect())
        .unwrap();
    first
        .block_on(client.secrets().put("db", "v", None))
        .unwrap();
    let read = first.block_on(client.secrets().get_many(&["db"; 200]));
    assert!(read.iter().all(Result::is_ok));
    drop(first);
    let before = world.proxy.log().len();
    let second = runtime();
    for _ in 0..5 {
        second.block_on(client.secrets().get("db")).unwrap();
    }
    let log = world.proxy.log();
    let connections: BTreeSet<_> = log[before..].iter().map(|seen| seen.connection).collect();
    assert_eq!(connections.len(), 1);
}

#[test]
fn a_connection_closed_while_its_runtime_was_idle_is_skipped() {
    // The server closes the connection shortly after the last byte.
    let world = World::new(|seen, _| {
        let missing =
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 14\r\n\r\n{\"error\":\"no\"}".to_vec();
        seen.is("GET", DB)
            .then_some(Action::Drip(missing, Duration::from_millis(5)))
    });
    let runtime = runtime();
    let client = runtime.block_on(super::client(&world));
    let missing = runtime.block_on(client.secrets().exists("db"));
    assert!(!missing.unwrap());
    std::thread::sleep(Duration::from_millis(200));
    let create = async { client.secrets().create("db", "v", None).await };
    runtime.block_on(create).unwrap();
    // A create on a dead connection has to be read back.
    assert_eq!(world.proxy.count("POST", SECRETS), 1);
    assert_eq!(world.proxy.count("GET", DB), 1);
}

#[test]
fn a_call_on_an_ended_runtime_is_an_error() {
    let world = World::new(|_, _| None);
    let runtime = runtime();
    let handle = runtime.handle().clone();
    runtime.shutdown_background();
    let error = handle.block_on(builder(&world).connect()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert!(error.to_string().contains("runtime has ended"), "{error}");
}

#[test]
fn a_renewal_that_ended_with_its_runtime_blocks_no_caller() {
    let world = World::new(|seen, before| {
        if seen.is("GET", DB) && earlier(before, "GET", DB) == 0 {
            return Some(answer(401, ""));
        }
        let is_renewal = seen.is("POST", TOKEN) && earlier(before, "POST", TOKEN) == 1;
        is_renewal.then_some(Action::Stall(Duration::from_secs(20)))
    });
    let first = Builder::new_multi_thread().enable_all().build().unwrap();
    let client = first.block_on(builder(&world).connect()).unwrap();
    first
        .block_on(client.secrets().put("db", "v", None))
        .unwrap();
    let reader = client.clone();
    let read = first.spawn(async move { reader.secrets().get("db").await.map(drop) });
    while world.proxy.count("POST", TOKEN) < 2 {
        std::thread::yield_now();
    }
    first.shutdown_background();
    let second = runtime();
    assert!(second.block_on(read).unwrap_err().is_cancelled());
    let next =
        async { tokio::time::timeout(Duration::from_secs(4), client.secrets().get("db")).await };
    let secret = second.block_on(next).unwrap().unwrap();
    assert_eq!(secret.expose_secret(), "v");
    assert_eq!(world.proxy.count("POST", TOKEN), 3);
}

/// Some of the futures that they start are never polled.
#[test]
fn reads_and_renewals_aborted_at_any_point_block_no_caller() {
    let world = World::new(|_, _| None);
    let second = runtime();
    let policy = CachePolicy::new(Duration::from_secs(60));
    let client = second
        .block_on(builder(&world).cache(policy).connect())
        .unwrap();
    world.client().secrets().create("db", "v", None).unwrap();
    for times in 1..10 {
        for is_cached in [true, false] {
            world.vault.revoke_tokens(&world.account).unwrap();
            client.secrets().invalidate("db");
            let first = runtime();
            if is_cached {
                first.block_on(polled(times, client.secrets().get("db")));
            } else {
                first.block_on(polled(times, client.secrets().exists("db")));
            }
            drop(first);
            let get = async { client.secrets().get("db").await };
            let next = async { tokio::time::timeout(Duration::from_secs(4), get).await };
            let secret = second.block_on(next).unwrap().unwrap();
            assert_eq!(secret.expose_secret(), "v", "{times} {is_cached}");
        }
    }
}

#[test]
fn a_read_on_an_idle_runtime_is_abandoned_after_the_operation_timeout() {
    let world = World::new(|_, _| None);
    let timeouts = helvetisafe::Timeouts {
        operation: Duration::from_millis(500),
        ..helvetisafe::Timeouts::default()
    };
    let [resting, second] = [runtime(), runtime()];
    let policy = CachePolicy::new(Duration::from_secs(60));
    let builder = builder(&world).timeouts(timeouts).cache(policy);
    let client = second.block_on(builder.connect()).unwrap();
    world.client().secrets().create("db", "v", None).unwrap();
    let begun = resting.block_on(polled(1, client.secrets().get("db")));
    assert!(begun.is_none());
    let get = || second.block_on(async { client.secrets().get("db").await });
    let error = get().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(get().unwrap().expose_secret(), "v");
}

#[test]
fn a_client_can_be_dropped_on_any_thread() {
    let world = World::new(|_, _| None);
    let runtime = runtime();
    let client = runtime.block_on(builder(&world).connect()).unwrap();
    let clone = client.clone();
    drop(client);
    drop(runtime);
    drop(clone);
    let secret = builder(&world).connect();
    drop(secret);
}

#[tokio::test]
async fn the_blocking_client_works_within_a_task() {
    let world = World::with(
        Vault::ephemeral().unwrap(),
        NewAccount::default(),
        |_, _| None,
    );
    let client = world.client();
    let keys = ["a", "b", "c"];
    for key in keys {
        client.secrets().put(key, key, None).unwrap();
    }
    let read = client.secrets().get_many(keys);
    assert!(read.iter().all(Result::is_ok));
    drop(client);
}

#[test]
fn an_answer_that_never_comes_ends_on_a_runtime_of_one_thread() {
    let is_slow = Arc::new(AtomicBool::new(false));
    let slow = Arc::clone(&is_slow);
    let world = World::new(move |seen, _| {
        let stalls = seen.is("GET", DB) && slow.load(Ordering::SeqCst);
        stalls.then_some(Action::Stall(Duration::from_secs(20)))
    });
    let timeouts = helvetisafe::Timeouts {
        operation: Duration::from_millis(300),
        ..helvetisafe::Timeouts::default()
    };
    runtime().block_on(async {
        let client = super::client(&world).await;
        client.secrets().put("db", "v", None).await.unwrap();
        let hasty = builder(&world).timeouts(timeouts).connect().await.unwrap();
        is_slow.store(true, Ordering::SeqCst);
        let error = hasty.secrets().get("db").await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
    });
}
