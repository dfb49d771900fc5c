//! The cache: its entries, their lifetime, and the reported age.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use helvetisafe::{CachePolicy, Client, ErrorKind, Freshness, Secret, Timeouts};
use helvetisafe_test_support::{Action, World, answer, earlier};

const DB: &str = "/api/v1/secrets/db";
const LIFE: Duration = Duration::from_secs(60);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn client(world: &World, policy: CachePolicy) -> Client {
    world.builder().cache(policy).connect().unwrap()
}

fn reads(world: &World) -> usize {
    world.proxy.count("GET", DB)
}

fn age(secret: &Secret) -> Option<Duration> {
    match secret.freshness() {
        Freshness::Cached { age, .. } => Some(*age),
        _ => None,
    }
}

fn is_fresh(secret: &Secret) -> bool {
    matches!(secret.freshness(), Freshness::Fresh)
}

#[test]
fn without_a_cache_each_read_sends_a_request() {
    let world = World::new(|_, _| None);
    let client = world.client();
    client.secrets().create("db", "v", None).unwrap();
    for _ in 0..2 {
        assert!(is_fresh(&client.secrets().get("db").unwrap()));
    }
    assert_eq!(reads(&world), 2);
}

#[test]
fn a_fresh_entry_is_served_with_its_age() {
    let world = World::new(|_, _| None);
    world.client().secrets().create("db", "v", None).unwrap();
    let client = client(&world, CachePolicy::new(LIFE));
    assert!(is_fresh(&client.secrets().get("db").unwrap()));
    world.clock.advance(seconds(59));
    let secret = client.secrets().get("db").unwrap();
    assert_eq!(
        (secret.expose_secret(), age(&secret)),
        ("v", Some(seconds(59)))
    );
    assert_eq!(reads(&world), 1);
    world.clock.advance(seconds(1));
    assert!(is_fresh(&client.secrets().get("db").unwrap()));
    assert_eq!(reads(&world), 2);
}

#[test]
fn concurrent_reads_send_one_request() {
    let world = World::new(|_, _| None);
    world.client().secrets().create("db", "v", None).unwrap();
    let client = client(&world, CachePolicy::new(LIFE));
    let barrier = Barrier::new(32);
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                barrier.wait();
                assert_eq!(client.secrets().get("db").unwrap().expose_secret(), "v");
            });
        }
    });
    assert_eq!(reads(&world), 1);
}

#[test]
fn a_failed_read_is_shared_but_not_cached() {
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = Arc::clone(&broken);
    let world = World::new(move |seen, _| {
        let fails = is_broken.load(Ordering::SeqCst) && seen.is("GET", DB);
        fails.then(|| answer(403, r#"{"error":"forbidden"}"#))
    });
    world.client().secrets().create("db", "v", None).unwrap();
    let client = client(&world, CachePolicy::new(LIFE));
    let error = client.secrets().get("db").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    broken.store(false, Ordering::SeqCst);
    assert!(is_fresh(&client.secrets().get("db").unwrap()));
}

#[test]
fn a_cached_failure_is_served_if_the_policy_allows_it() {
    let world = World::new(|_, _| None);
    let policy = CachePolicy {
        failures_for: seconds(5),
        ..CachePolicy::new(LIFE)
    };
    let client = client(&world, policy);
    let is_absent = || {
        let outcome = client.secrets().get("db");
        outcome.is_err_and(|error| error.kind() == ErrorKind::NotFound)
    };
    assert!(is_absent() && is_absent());
    world.clock.advance(Duration::from_millis(4999));
    assert!(is_absent());
    assert_eq!(reads(&world), 1);
    world.clock.advance(Duration::from_millis(1));
    assert!(is_absent());
    assert_eq!(reads(&world), 2);

    // A write of this client replaces the cached failure.
    client.secrets().create("db", "v", None).unwrap();
    client.secrets().get("db").unwrap();
    client.secrets().delete("db").unwrap();
    assert!(is_absent());
    world.client().secrets().create("db", "v", None).unwrap();
    client.secrets().invalidate("db");
    client.secrets().get("db").unwrap();
    assert_eq!(reads(&world), 4);
}

#[test]
fn a_failure_is_cached_for_retry_after_up_to_five_minutes() {
    for (asked, served) in [(1, 5), (40, 40), (7200, 300)] {
        let world = World::new(move |seen, _| {
            let header = format!("Retry-After: {asked}\r\n");
            let header: &'static str = header.leak();
            seen.is("GET", DB)
                .then(|| Action::Answer(429, header, Vec::new()))
        });
        let policy = CachePolicy {
            failures_for: seconds(5),
            ..CachePolicy::new(LIFE)
        };
        let client = world.builder().attempts(1).cache(policy).connect();
        let client = client.unwrap();
        let fails = || assert!(client.secrets().get("db").is_err());
        fails();
        let first = reads(&world);
        world.clock.advance(seconds(served - 1));
        fails();
        assert_eq!(reads(&world), first, "{asked}");
        world.clock.advance(seconds(1));
        fails();
        assert_eq!(reads(&world), first + 1, "{asked}");
    }
}

/// A world whose vault answers reads with `status` once the flag is set.
fn breakable(status: u16) -> (World, Arc<AtomicBool>) {
    let broken = Arc::new(AtomicBool::new(false));
    let is_broken = Arc::clone(&broken);
    let world = World::new(move |seen, _| {
        let fails = is_broken.load(Ordering::SeqCst) && seen.is("GET", DB);
        fails.then(|| answer(status, r#"{"error":"no"}"#))
    });
    world.client().secrets().create("db", "v", None).unwrap();
    (world, broken)
}

#[test]
fn a_stale_value_is_served_only_if_allowed_and_only_up_to_its_limit() {
    for stale_for in [Duration::ZERO, seconds(600)] {
        let (world, broken) = breakable(503);
        let policy = CachePolicy {
            stale_for,
            ..CachePolicy::new(LIFE)
        };
        let client = client(&world, policy);
        client.secrets().get("db").unwrap();
        broken.store(true, Ordering::SeqCst);
        world.clock.advance(seconds(100));
        let outcome = client.secrets().get("db");
        if stale_for.is_zero() {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Api);
            continue;
        }
        let secret = outcome.unwrap();
        let Freshness::Stale { age, error, .. } = secret.freshness() else {
            panic!("{:?}", secret.freshness());
        };
        assert!(*age >= seconds(100) && *age < seconds(110), "{age:?}");
        assert_eq!(error.kind(), ErrorKind::Api);
        world.clock.advance(seconds(560));
        assert_eq!(
            client.secrets().get("db").unwrap_err().kind(),
            ErrorKind::Api
        );
    }
}

#[test]
fn a_denied_secret_is_not_served_from_the_cache() {
    let (world, broken) = breakable(404);
    let policy = CachePolicy {
        stale_for: seconds(600),
        ..CachePolicy::new(LIFE)
    };
    let client = client(&world, policy);
    client.secrets().get("db").unwrap();
    broken.store(true, Ordering::SeqCst);
    world.clock.advance(LIFE);
    assert_eq!(
        client.secrets().get("db").unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[test]
fn a_write_replaces_the_cached_entry() {
    let world = World::new(|_, _| None);
    let client = client(&world, CachePolicy::new(LIFE));
    let secrets = client.secrets();
    let value = || {
        let secret = secrets.get("db").unwrap();
        (secret.expose_secret().to_owned(), is_fresh(&secret))
    };
    secrets.create("db", "one", None).unwrap();
    assert_eq!(value(), ("one".to_owned(), false));
    secrets
        .update("db", "two", helvetisafe::Expiry::Keep)
        .unwrap();
    assert_eq!(value(), ("two".to_owned(), false));
    secrets.put("db", "three", None).unwrap();
    assert_eq!(value(), ("three".to_owned(), false));
    assert_eq!(reads(&world), 0);
    secrets.delete("db").unwrap();
    assert_eq!(secrets.get("db").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_write_of_unknown_outcome_drops_the_cached_entry() {
    let lose = Arc::new(AtomicBool::new(false));
    let loses = Arc::clone(&lose);
    let world = World::new(move |seen, _| {
        let lost = loses.load(Ordering::SeqCst) && seen.is("PUT", DB);
        lost.then_some(Action::ForwardAndClose)
    });
    let client = client(&world, CachePolicy::new(LIFE));
    let secrets = client.secrets();
    secrets.create("db", "one", None).unwrap();
    lose.store(true, Ordering::SeqCst);
    let error = secrets
        .update("db", "two", helvetisafe::Expiry::Keep)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    let secret = secrets.get("db").unwrap();
    assert_eq!((secret.expose_secret(), is_fresh(&secret)), ("two", true));
}

#[test]
fn a_read_overtaken_by_a_write_is_not_cached() {
    let is_first = AtomicBool::new(true);
    let old = Arc::new(Mutex::new(Vec::new()));
    let slow = Arc::clone(&old);
    let world = World::new(move |seen, _| {
        // Slower than the concurrent write.
        let is_slow = seen.is("GET", DB) && is_first.swap(false, Ordering::SeqCst);
        is_slow.then(|| Action::Drip(slow.lock().unwrap().clone(), Duration::from_millis(5)))
    });
    world.client().secrets().create("db", "old", None).unwrap();
    let record = world.proxy.log().pop().unwrap().body;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
        record.len()
    );
    *old.lock().unwrap() = [head.as_bytes(), &record].concat();
    let client = client(&world, CachePolicy::new(LIFE));
    thread::scope(|scope| {
        let read = scope.spawn(|| client.secrets().get("db").unwrap());
        while reads(&world) == 0 {
            thread::yield_now();
        }
        client.secrets().put("db", "new", None).unwrap();
        assert_eq!(read.join().unwrap().expose_secret(), "old");
    });
    let secret = client.secrets().get("db").unwrap();
    assert_eq!((secret.expose_secret(), is_fresh(&secret)), ("new", false));
}

#[test]
fn a_waiter_does_not_get_the_timeout_of_the_reader() {
    let world = World::new(|seen, before| {
        let is_first = seen.is("GET", DB) && earlier(before, "GET", DB) == 0;
        is_first.then_some(Action::Stall(seconds(5)))
    });
    world.client().secrets().create("db", "v", None).unwrap();
    let timeouts = Timeouts {
        operation: seconds(1),
        ..Timeouts::default()
    };
    let builder = world
        .builder_on_the_real_clock()
        .cache(CachePolicy::new(LIFE));
    let client = builder.timeouts(timeouts).connect().unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| client.secrets().get("db"));
        thread::sleep(Duration::from_millis(600));
        let second = client.secrets().get("db");
        assert_eq!(second.unwrap().expose_secret(), "v");
        let error = first.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport);
    });
}

#[test]
fn silence_for_a_whole_operation_is_a_cacheable_failure() {
    let world = World::new(|seen, _| seen.is("GET", DB).then_some(Action::Stall(seconds(5))));
    let timeouts = Timeouts {
        operation: Duration::from_millis(500),
        ..Timeouts::default()
    };
    let policy = CachePolicy {
        failures_for: LIFE,
        ..CachePolicy::new(LIFE)
    };
    let builder = world.builder_on_the_real_clock().cache(policy);
    let client = builder.timeouts(timeouts).connect().unwrap();
    for _ in 0..3 {
        let error = client.secrets().get("db").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport);
    }
    assert_eq!(reads(&world), 1);
}

#[test]
fn an_invalidated_entry_is_read_again() {
    let world = World::new(|_, _| None);
    let client = client(&world, CachePolicy::new(LIFE));
    let secrets = client.secrets();
    secrets.create("db", "v", None).unwrap();
    secrets.invalidate("db");
    assert!(is_fresh(&secrets.get("db").unwrap()));
    secrets.invalidate_all();
    assert!(is_fresh(&secrets.get("db").unwrap()));
    assert!(!is_fresh(&secrets.get("db").unwrap()));
}

#[test]
fn the_cache_never_exceeds_its_capacity() {
    let world = World::new(|_, _| None);
    let policy = CachePolicy {
        capacity: NonZeroUsize::new(2).unwrap(),
        ..CachePolicy::new(LIFE)
    };
    let client = client(&world, policy);
    let secrets = client.secrets();
    for key in ["a", "b"] {
        secrets.create(key, key, None).unwrap();
    }
    assert!(!is_fresh(&secrets.get("a").unwrap()));
    secrets.create("c", "c", None).unwrap();
    assert!(!is_fresh(&secrets.get("a").unwrap()), "asked for last");
    assert!(
        is_fresh(&secrets.get("b").unwrap()),
        "asked for the longest ago"
    );
}

#[test]
fn a_value_does_not_outlive_its_own_expiry() {
    let world = World::new(|_, _| None);
    let client = client(&world, CachePolicy::new(LIFE));
    let secrets = client.secrets();
    let soon = helvetisafe::Timestamp::now() + Duration::from_millis(700);
    secrets.create("db", "v", soon).unwrap();
    secrets.get("db").unwrap();
    thread::sleep(Duration::from_millis(800));
    assert_eq!(secrets.get("db").unwrap_err().kind(), ErrorKind::NotFound);
}
