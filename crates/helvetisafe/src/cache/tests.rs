use std::num::NonZeroUsize;

use super::*;
use crate::driver::blocking::BlockingGate;
use crate::error::{Action, Cause};

const NOW: Now = Now {
    clock: Duration::ZERO,
    wall: Timestamp::UNIX_EPOCH,
};

fn cache() -> Cache<BlockingGate> {
    let policy = CachePolicy {
        capacity: NonZeroUsize::new(2).unwrap(),
        ..CachePolicy::new(Duration::from_secs(60))
    };
    Cache::new(policy)
}

fn key(number: usize) -> KeyName {
    KeyName::parse(format!("k{number}")).unwrap()
}

fn value() -> Value {
    let payload = Payload::parse(b"value".to_vec().into(), "k").unwrap();
    Value {
        payload: Arc::new(payload),
        expires_at: None,
    }
}

#[test]
fn names_that_failed_take_no_more_room_than_values() {
    let cache = cache();
    for key in (0..10).map(key) {
        assert!(matches!(cache.step(&key, 0, NOW), Step::Read));
        let reading = cache.begin_read(&key);
        let error = Error::new(Action::Get(key.clone()), Cause::Deadline);
        assert!(reading.end(Err(error), NOW).is_err());
    }
    for key in (10..20).map(key) {
        assert!(matches!(cache.step(&key, 0, NOW), Step::Read));
        drop(cache.begin_read(&key));
    }
    assert_eq!(cache.lock().by_key.len(), 2);
}

#[test]
fn names_that_failed_take_no_room_from_values() {
    let cache = cache();
    let read = |number, outcome| {
        let key = key(number);
        assert!(matches!(cache.step(&key, 0, NOW), Step::Read));
        cache.begin_read(&key).end(outcome, NOW)
    };
    let error = || Err(Error::new(Action::List, Cause::Deadline));
    let has = |number| matches!(cache.step(&key(number), 1, NOW), Step::Take(Ok(_)));
    assert!(read(0, Ok(value())).is_ok() && read(1, Ok(value())).is_ok());
    for number in 2..10 {
        assert!(read(number, error()).is_err());
    }
    assert!(has(0) && has(1));
    // Of two values the older goes.
    assert!(read(10, Ok(value())).is_ok());
    assert!(has(1) && has(10) && !has(0));
}

#[test]
fn one_reads_and_the_others_wait_until_it_ends() {
    let cache = cache();
    let key = key(0);
    assert!(matches!(cache.step(&key, 0, NOW), Step::Read));
    let seen = cache.landed.count();
    assert!(matches!(cache.step(&key, 0, NOW), Step::Wait));
    drop(cache.begin_read(&key));
    assert_ne!(cache.landed.count(), seen, "whoever waits is woken");
    assert!(matches!(cache.step(&key, 0, NOW), Step::Read));
}

#[test]
fn what_no_read_can_bring_any_more_is_dropped() {
    let cache = cache();
    let read = |number: usize, expires_at: Option<Timestamp>, second: u64| {
        let now = Now {
            clock: Duration::from_secs(second),
            ..NOW
        };
        let value = Value {
            expires_at,
            ..value()
        };
        let key = key(number);
        assert!(matches!(cache.step(&key, 0, now), Step::Read));
        assert!(cache.begin_read(&key).end(Ok(value), now).is_ok());
    };
    let has = |number| {
        let entries = cache.lock();
        entries
            .by_key
            .get(&key(number))
            .is_some_and(|entry| entry.kept.is_some())
    };
    read(0, None, 1);
    read(1, None, 59);
    assert!(has(0) && has(1));
    read(1, None, 61 + 59);
    assert!(!has(0), "it is older than the 60 s that it may be");
    assert!(has(1));
}
