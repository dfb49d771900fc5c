//! Secrets that expire, by the real clock.

use std::thread::sleep;
use std::time::Duration;

use helvetisafe::{ErrorKind, Expiry, Timestamp};
use helvetisafe_tests::World;
use jiff::{SignedDuration, Unit};

/// The time in `milliseconds`, with the precision of the vault.
fn in_millis(millis: i64) -> Timestamp {
    let time = Timestamp::now() + SignedDuration::from_millis(millis);
    time.round(Unit::Microsecond).unwrap()
}

/// Waits until just after `time`.
fn pass(time: Timestamp) {
    let left = Timestamp::now().duration_until(time);
    sleep(Duration::try_from(left).unwrap_or_default() + Duration::from_millis(20));
}

#[test]
fn an_expired_secret_is_missing_for_every_operation() {
    let world = World::new();
    let client = world.client();
    let secrets = client.secrets();
    secrets.create("stays", "1", None).unwrap();

    let end = in_millis(1500);
    assert_eq!(
        secrets.create("goes", "2", end).unwrap().expires_at(),
        Some(end)
    );
    let read = secrets.get("goes").unwrap();
    assert_eq!((read.expose_secret(), read.expires_at()), ("2", Some(end)));
    let listed = secrets.list().unwrap();
    let ends: Vec<_> = listed.iter().map(|secret| secret.expires_at()).collect();
    assert_eq!(ends, [Some(end), None], "in the order of names");

    pass(end);
    assert!(!secrets.exists("goes").unwrap());
    for error in [
        secrets.get("goes").unwrap_err(),
        secrets.update("goes", "3", Expiry::Never).unwrap_err(),
        secrets.delete("goes").unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
    let listed = secrets.list().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].key().to_string(), "stays");
}

#[test]
fn the_name_of_an_expired_secret_is_free_again() {
    let world = World::new();
    let client = world.client();
    let secrets = client.secrets();
    for value in ["first", "second"] {
        let end = in_millis(500);
        secrets.create("a", value, end).unwrap();
        pass(end);
    }
    let put = secrets.put("a", "third", None).unwrap();
    assert!(put.is_created());
    assert_eq!(put.metadata().expires_at(), None);
    let read = secrets.get("a").unwrap();
    assert_eq!((read.expose_secret(), read.expires_at()), ("third", None));
}

#[test]
fn an_update_keeps_moves_or_clears_the_expiry() {
    let world = World::new();
    let client = world.client();
    let secrets = client.secrets();
    let (end, later) = (in_millis(1500), in_millis(3_600_000));
    for (key, expiry, expected) in [
        ("keep", Expiry::Keep, Some(end)),
        ("move", Expiry::At(later), Some(later)),
        ("clear", Expiry::Never, None),
    ] {
        secrets.create(key, "1", end).unwrap();
        assert_eq!(
            secrets.update(key, "2", expiry).unwrap().expires_at(),
            expected
        );
        let read = secrets.get(key).unwrap();
        assert_eq!((read.expose_secret(), read.expires_at()), ("2", expected));
    }
    pass(end);
    let listed = secrets.list().unwrap();
    let left: Vec<_> = listed
        .iter()
        .map(|secret| secret.key().to_string())
        .collect();
    assert_eq!(left, ["clear", "move"]);
}

#[test]
fn a_put_without_an_expiry_leaves_the_expiry_unchanged() {
    let world = World::new();
    let client = world.client();
    let secrets = client.secrets();
    let (end, later) = (in_millis(60_000), in_millis(120_000));
    secrets.put("a", "1", end).unwrap();
    for (expires_at, expected) in [(None, end), (Some(later), later)] {
        let put = secrets.put("a", "2", expires_at).unwrap().into_metadata();
        assert_eq!(put.expires_at(), Some(expected));
    }
}

#[test]
fn an_expiry_that_has_passed_is_refused_and_changes_nothing() {
    let world = World::new();
    let client = world.client();
    let secrets = client.secrets();
    let past = in_millis(-1000);
    let refused = secrets.create("a", "1", past).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Config, "{refused}");
    assert!(!refused.is_retryable());
    assert!(!secrets.exists("a").unwrap());

    secrets.create("a", "1", None).unwrap();
    assert!(secrets.update("a", "2", past).is_err());
    let read = secrets.get("a").unwrap();
    assert_eq!((read.expose_secret(), read.expires_at()), ("1", None));
}
