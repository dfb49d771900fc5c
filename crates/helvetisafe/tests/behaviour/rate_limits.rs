//! A vault that limits rates, and a client that respects the limits. Both use one clock, which the test
//! drives.

use std::num::NonZeroUsize;
use std::time::Duration;

use helvetisafe::{Clock, Credentials, ErrorKind};
use helvetisafe_server::{NewAccount, Rate, RateLimits, Vault};
use helvetisafe_test_support::{Action, DrivenClock, TOKEN, World};

const DB: &str = "/api/v1/secrets/db";

fn limited(limits: RateLimits) -> World {
    let clock = DrivenClock::default();
    let vaults = clock.clone();
    let vault = Vault::builder()
        .rate_limits(limits)
        .rate_clock(move || vaults.now())
        .start()
        .unwrap();
    let mut world = World::with(vault, NewAccount::default(), |_, _| None);
    world.clock = clock;
    world
}

fn rate(count: u32, seconds: u64) -> Option<Rate> {
    Some(Rate::new(count, Duration::from_secs(seconds)))
}

#[test]
fn the_client_honours_retry_after_and_succeeds() {
    // The org key, a create and a read; then one request per 7 s.
    let world = limited(RateLimits {
        requests: rate(3, 21),
        ..RateLimits::off()
    });
    let client = world.client();
    client.secrets().create("db", "v", None).unwrap();
    client.secrets().get("db").unwrap();
    assert!(world.clock.sleeps_in_ms().is_empty());
    assert_eq!(client.secrets().get("db").unwrap().expose_secret(), "v");
    client.secrets().put("db", "w", None).unwrap();
    client.secrets().delete("db").unwrap();
    client.secrets().create("db", "x", None).unwrap();
    assert_eq!(world.clock.sleeps_in_ms(), [7000; 4]);
    assert_eq!(world.proxy.count("GET", DB), 3, "each was asked once more");
}

#[test]
fn too_long_a_retry_after_is_an_error_that_contains_it() {
    let world = limited(RateLimits {
        requests: rate(2, 120),
        ..RateLimits::off()
    });
    let client = world.client();
    client.secrets().create("db", "v", None).unwrap();
    let error = client.secrets().get("db").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
    assert_eq!(error.status().unwrap(), 429);
    assert!(error.is_retryable());
    assert!(world.clock.sleeps_in_ms().is_empty());
    assert_eq!(world.proxy.count("GET", DB), 1);

    world.clock.advance(Duration::from_secs(60));
    assert_eq!(client.secrets().get("db").unwrap().expose_secret(), "v");
}

#[test]
fn a_throttled_token_request_is_retried_too() {
    let world = limited(RateLimits {
        logins: rate(1, 5),
        ..RateLimits::off()
    });
    world.client();
    world.client();
    assert_eq!(world.clock.sleeps_in_ms(), [5000]);
    assert_eq!(world.proxy.count("POST", TOKEN), 3);

    let world = limited(RateLimits {
        logins: rate(1, 300),
        ..RateLimits::off()
    });
    world.client();
    let error = world.builder().connect().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(300)));
}

#[test]
fn a_wrong_client_secret_is_refused_then_throttled_and_the_right_one_is_not() {
    let world = limited(RateLimits {
        failed_logins: rate(2, 100),
        ..RateLimits::off()
    });
    let guess = || {
        let credentials = Credentials::service_account(world.account.client_id.as_str(), "guess");
        let error = world.builder_for(credentials).connect().unwrap_err();
        (error.kind(), error.retry_after())
    };
    assert_eq!(guess(), (ErrorKind::Auth, None));
    assert_eq!(guess(), (ErrorKind::Auth, None));
    let wait = Some(Duration::from_secs(50));
    assert_eq!(guess(), (ErrorKind::RateLimited, wait));
    world.client();
    assert!(world.clock.sleeps_in_ms().is_empty());
}

/// One request per second, for any number of calls.
#[test]
fn a_backoff_longer_than_every_deadline_applies_to_all_calls() {
    let world = World::new(|seen, _| {
        let busy = || Action::Answer(429, "Retry-After: 60\r\n", Vec::new());
        seen.is("GET", DB).then(busy)
    });
    let client = world.builder().concurrency(NonZeroUsize::MIN).connect();
    let client = client.unwrap();
    let ask = || {
        for outcome in client.secrets().get_many(["db"; 50]) {
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::RateLimited);
            assert!(error.is_retryable() && error.retry_after() >= Some(Duration::from_secs(58)));
        }
        world.proxy.count("GET", DB)
    };
    assert_eq!(ask(), 1);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(ask(), 2);
}

/// A call with a single attempt delays the other calls all the same.
#[test]
fn the_last_attempt_makes_other_calls_back_off() {
    let world = World::new(|seen, before| {
        let is_first = before.iter().all(|seen| !seen.is("GET", DB));
        let busy = || Action::Answer(429, "Retry-After: 5\r\n", Vec::new());
        (seen.is("GET", DB) && is_first).then(busy)
    });
    world.client().secrets().create("db", "v", None).unwrap();
    let client = world.builder().attempts(1).connect().unwrap();
    let error = client.secrets().get("db").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    client.secrets().get("db").unwrap();
    assert_eq!(world.clock.sleeps_in_ms(), [5000]);
}
