//! Many secrets at once.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use helvetisafe::ErrorKind;
use helvetisafe_test_support::{Action, PEM, SECRETS, TOKEN, World, answer};

#[test]
fn get_many_returns_ordered_outcomes_with_one_token() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let keys: Vec<_> = (0..100).map(|n| format!("key_{n}")).collect();
    let items: Vec<_> = keys.iter().filter(|key| !key.ends_with('7')).collect();
    let items: Vec<_> = items.into_iter().map(|key| (key, key)).collect();
    for outcome in client.secrets().put_many(&items) {
        outcome.unwrap();
    }
    let mut progress = Vec::new();
    let found = client
        .secrets()
        .get_many_with(&keys, |done| progress.push(done));
    assert_eq!(progress, (1..=100).collect::<Vec<_>>());
    assert_eq!(found.len(), keys.len());
    for (key, outcome) in keys.iter().zip(found) {
        match outcome {
            Ok(secret) => assert_eq!(secret.expose_secret(), key),
            Err(error) => {
                assert!(key.ends_with('7'), "{error}");
                assert_eq!(error.kind(), ErrorKind::NotFound);
                assert_eq!(error.key().unwrap().as_str(), key);
            }
        }
    }
    assert_eq!(world.proxy.count("POST", TOKEN), 1);
    let connections = world.proxy.log().iter().map(|seen| seen.connection).max();
    assert!(connections.unwrap() < 9, "{connections:?}");
    let all = client.secrets().get_all().unwrap();
    assert_eq!(all.len(), 90);
    assert!(client.secrets().get_many(&[] as &[&str]).is_empty());
}

#[test]
fn a_secret_deleted_after_the_list_is_left_out() {
    let world = World::new(|seen, _| {
        let gone = seen.is("GET", "/api/v1/secrets/b");
        gone.then(|| answer(404, r#"{"error":"not_found"}"#))
    });
    let client = world.client();
    for key in ["a", "b", "c"] {
        client.secrets().create(key, "v", None).unwrap();
    }
    let all = client.secrets().get_all().unwrap();
    let keys: Vec<_> = all
        .into_iter()
        .map(|s| s.unwrap().key().to_string())
        .collect();
    assert_eq!(keys, ["a", "c"]);
}

#[test]
fn at_most_the_allowed_number_is_in_flight() {
    let world = World::new(|_, _| None);
    let two = NonZeroUsize::new(2).unwrap();
    let client = world.builder().concurrency(two).connect().unwrap();
    let items: Vec<_> = (0..20).map(|n| (format!("k{n}"), "v")).collect();
    client.secrets().put_many(&items);
    let connections = world.proxy.log().iter().map(|seen| seen.connection).max();
    assert!(connections.unwrap() < 3, "{connections:?}");
}

#[test]
fn any_work_runs_concurrently_in_order_and_within_the_limit() {
    let world = World::new(|_, _| None);
    let two = NonZeroUsize::new(2).unwrap();
    let client = world.builder().concurrency(two).connect().unwrap();
    let secrets = client.secrets();
    let items: Vec<_> = (0..20).map(|n| (format!("k{n}"), n)).collect();
    let mut progress = Vec::new();
    let found = secrets.each(
        &items,
        |(key, n)| {
            secrets.create(key, n.to_string(), None)?;
            secrets.get(key)
        },
        |done| progress.push(done),
    );
    for ((_, n), secret) in items.iter().zip(found) {
        assert_eq!(secret.unwrap().expose_secret(), n.to_string());
    }
    assert_eq!(progress, (1..=20).collect::<Vec<_>>());
    let connections = world.proxy.log().iter().map(|seen| seen.connection).max();
    assert_eq!(connections, Some(1), "two, counted from 0");
}

#[test]
fn a_rate_limit_of_one_request_slows_all() {
    let times = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&times);
    let world = World::new(move |seen, before| {
        if seen.method != "GET" || !seen.path.starts_with(SECRETS) {
            return None;
        }
        noted.lock().unwrap().push(Instant::now());
        let reads = before
            .iter()
            .filter(|seen| seen.path.starts_with(SECRETS) && seen.method == "GET");
        let is_tenth = reads.count() == 9;
        is_tenth.then(|| Action::Answer(429, "Retry-After: 1\r\n", Vec::new()))
    });
    let credentials = {
        use secrecy::ExposeSecret;
        let secret = world.account.client_secret.expose_secret();
        helvetisafe::Credentials::service_account(world.account.client_id.as_str(), secret)
    };
    // Real time, since the test measures the waits.
    let client = helvetisafe::Client::builder(
        world.proxy.base_url(),
        credentials,
        helvetisafe::KeySource::pem(PEM),
    )
    .connect()
    .unwrap();
    let items: Vec<_> = (0..60).map(|n| (format!("k{n}"), "v")).collect();
    client.secrets().put_many(&items);
    let keys: Vec<_> = items.iter().map(|(key, _)| key).collect();
    let found = client.secrets().get_many(&keys);
    assert!(found.iter().all(Result::is_ok));
    let times = times.lock().unwrap();
    let limited = times[9];
    // The seven other requests in flight may still arrive.
    let during = times[10..]
        .iter()
        .filter(|time| **time < limited + Duration::from_millis(900));
    assert!(during.count() <= 14, "all wait");
}
