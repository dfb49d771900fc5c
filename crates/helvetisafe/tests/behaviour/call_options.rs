//! Settings of single operations: `Secrets::with` and `Secrets::cancelled_by`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use helvetisafe::{
    CachePolicy, CallOptions, CancelToken, Client, ErrorKind, Expiry, Freshness, Timeouts,
};
use helvetisafe_test_support::{Action, SECRETS, TOKEN, World, answer, earlier};

use super::asynchronous;

const DB: &str = "/api/v1/secrets/db";
const SOON: Duration = Duration::from_millis(100);
/// With a machine that does much else.
const ENOUGH: Duration = Duration::from_secs(2);

fn broken(status: u16) -> World {
    World::new(move |seen, _| seen.is("GET", DB).then(|| answer(status, "")))
}

fn reads(world: &World) -> usize {
    world.proxy.count("GET", DB)
}

/// Cancels `token` a little later.
fn cancel_soon(token: &CancelToken) {
    let token = token.clone();
    thread::spawn(move || {
        thread::sleep(SOON);
        token.cancel();
    });
}

/// Runs `work`, which is cancelled meanwhile, and returns its error.
fn cancelled<T: std::fmt::Debug>(
    client: &Client,
    work: impl FnOnce(helvetisafe::Secrets<'_>) -> Result<T, helvetisafe::Error>,
) -> helvetisafe::Error {
    let token = CancelToken::new();
    let begun = Instant::now();
    cancel_soon(&token);
    let error = work(client.secrets().cancelled_by(&token)).unwrap_err();
    let time = begun.elapsed();
    assert!(time >= SOON && time < ENOUGH, "{time:?}");
    error
}

#[test]
fn the_number_of_attempts_is_that_of_the_call() {
    let world = broken(503);
    let client = world.client();
    for attempts in [0, 1, 2, 5] {
        let before = reads(&world);
        let options = CallOptions::new().attempts(attempts);
        client.secrets().with(options).get("db").unwrap_err();
        assert_eq!(reads(&world) - before, attempts.max(1) as usize);
    }
    client.secrets().get("db").unwrap_err();
    assert_eq!(reads(&world), 1 + 1 + 2 + 5 + 3);
}

#[tokio::test]
async fn the_asynchronous_client_has_the_same_options() {
    let world = broken(503);
    let client = asynchronous::builder(&world).connect().await.unwrap();
    let once = CallOptions::new().attempts(1);
    client.secrets().with(once).get("db").await.unwrap_err();
    assert_eq!(reads(&world), 1);
    let hasty = CallOptions::new().timeout(Duration::ZERO);
    let error = client.secrets().with(hasty).get("db").await.unwrap_err();
    assert_eq!((error.kind(), reads(&world)), (ErrorKind::Transport, 1));
}

#[test]
fn the_timeout_is_that_of_each_operation() {
    let world = World::new(|seen, _| {
        (seen.is("GET", DB)).then_some(Action::ForwardAfter(Duration::from_millis(700)))
    });
    world.client().secrets().create("db", "v", None).unwrap();
    let timeouts = Timeouts {
        operation: Duration::from_millis(300),
        ..Timeouts::default()
    };
    let builder = world.builder_on_the_real_clock().timeouts(timeouts);
    let client = builder.connect().unwrap();
    let error = client.secrets().get("db").unwrap_err();
    assert!(error.is_timeout(), "{error}");
    // A longer one than the client's, for each of two.
    let secrets = client.secrets().with(CallOptions::new().timeout(ENOUGH));
    secrets.get("db").unwrap();
    secrets.get("db").unwrap();
    // The limit of all together still counts.
    let error = secrets.within(SOON).get("db").unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

#[test]
fn a_read_past_the_cache_refreshes_it_and_returns_no_old_value() {
    let breaks = Arc::new(AtomicBool::new(false));
    let is_broken = Arc::clone(&breaks);
    let world = World::new(move |seen, _| {
        (seen.is("GET", DB) && is_broken.load(Ordering::SeqCst)).then(|| answer(503, ""))
    });
    let writer = world.client();
    writer.secrets().create("db", "old", None).unwrap();
    let policy = CachePolicy {
        stale_for: Duration::from_secs(3600),
        ..CachePolicy::new(Duration::from_secs(60))
    };
    let client = world.builder().cache(policy).connect().unwrap();
    let secrets = client.secrets();
    let past = secrets.with(CallOptions::new().bypass_cache());
    let value = |secret: &helvetisafe::Secret| secret.expose_secret().to_owned();
    assert_eq!(value(&secrets.get("db").unwrap()), "old");
    writer.secrets().put("db", "new", None).unwrap();
    assert_eq!(value(&secrets.get("db").unwrap()), "old");
    let secret = past.get("db").unwrap();
    assert_eq!(value(&secret), "new");
    assert!(matches!(secret.freshness(), Freshness::Fresh));
    let secret = secrets.get("db").unwrap();
    assert_eq!(value(&secret), "new");
    assert!(matches!(secret.freshness(), Freshness::Cached { .. }));

    breaks.store(true, Ordering::SeqCst);
    assert_eq!(past.get("db").unwrap_err().kind(), ErrorKind::Api);
    assert_eq!(value(&secrets.get("db").unwrap()), "new");
    breaks.store(false, Ordering::SeqCst);
    writer.secrets().delete("db").unwrap();
    assert_eq!(past.get("db").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(secrets.get("db").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_cancelled_token_sends_nothing() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let token = CancelToken::new();
    token.cancel();
    let before = world.proxy.log().len();
    let secrets = client.secrets().cancelled_by(&token);
    let errors = [
        secrets.get("db").unwrap_err(),
        secrets.list().unwrap_err(),
        secrets.create("db", "v", None).unwrap_err(),
        secrets.update("db", "v", Expiry::Keep).unwrap_err(),
        secrets.delete("db").unwrap_err(),
        secrets.get_many(["db"]).remove(0).unwrap_err(),
        secrets.watch(["db"], SOON).unwrap().begin().unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        assert!(!error.is_retryable());
    }
    assert_eq!(world.proxy.log().len(), before);
    assert!(client.secrets().list().unwrap().is_empty());
}

#[test]
fn a_wait_before_the_next_attempt_is_cancelled() {
    let world = World::new(|seen, _| {
        let header = "Retry-After: 20\r\n";
        seen.is("GET", DB)
            .then(|| Action::Answer(429, header, Vec::new()))
    });
    let client = world.builder_on_the_real_clock().connect().unwrap();
    let error = cancelled(&client, |secrets| secrets.get("db"));
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    // The rate limit of the first holds for the second, which has sent nothing yet.
    let error = cancelled(&client, |secrets| secrets.list());
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    assert_eq!((reads(&world), world.proxy.count("GET", SECRETS)), (1, 0));
}

#[test]
fn a_wait_for_the_work_of_another_thread_is_cancelled() {
    let world = World::new(|seen, _| {
        let is_slow = seen.is("GET", DB);
        is_slow.then_some(Action::ForwardAfter(Duration::from_secs(3)))
    });
    world.client().secrets().create("db", "v", None).unwrap();
    let policy = CachePolicy::new(Duration::from_secs(60));
    let client = world.builder_on_the_real_clock().cache(policy);
    let client = client.connect().unwrap();
    thread::scope(|scope| {
        let reader = scope.spawn(|| client.secrets().get("db"));
        while reads(&world) == 0 {
            thread::yield_now();
        }
        let error = cancelled(&client, |secrets| secrets.get("db"));
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        assert_eq!(reader.join().unwrap().unwrap().expose_secret(), "v");
    });
}

/// The other threads that wait do not get its cancellation.
#[test]
fn a_cancelled_renewal_of_the_token_is_begun_again_by_a_waiter() {
    let world = World::new(|seen, before| {
        // Each client fetches one when it connects; the first renewal gets a 429.
        let is_renewal = seen.is("POST", TOKEN) && earlier(before, "POST", TOKEN) == 2;
        let header = "Retry-After: 2\r\n";
        if is_renewal {
            return Some(Action::Answer(429, header, Vec::new()));
        }
        let is_first = seen.is("GET", DB) && earlier(before, "GET", DB) == 0;
        is_first.then(|| answer(401, ""))
    });
    let client = world.builder_on_the_real_clock().connect().unwrap();
    world.client().secrets().create("db", "v", None).unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| cancelled(&client, |secrets| secrets.get("db")));
        while world.proxy.count("POST", TOKEN) < 3 {
            thread::yield_now();
        }
        assert_eq!(client.secrets().get("db").unwrap().expose_secret(), "v");
        assert_eq!(first.join().unwrap().kind(), ErrorKind::Cancelled);
    });
}

#[test]
fn a_cancelled_write_without_an_answer_is_ambiguous() {
    let world = World::new(|seen, _| seen.is("PUT", DB).then_some(Action::ForwardAndClose));
    let client = world.builder_on_the_real_clock();
    let policy = helvetisafe::RetryPolicy {
        base: Duration::from_secs(5),
        max_attempts: 100,
        ..helvetisafe::RetryPolicy::default()
    };
    let client = client.retry_policy(policy).connect().unwrap();
    client.secrets().create("db", "v", None).unwrap();
    let error = cancelled(&client, |secrets| secrets.update("db", "w", Expiry::Keep));
    assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
}
