use std::num::NonZeroUsize;

use super::*;
use crate::error::{Action, Cause};
use crate::runtime::blocking::BlockingNotify;

const LONGEST: Duration = Duration::from_secs(30);

const NOW: Now = Now {
    clock: Duration::ZERO,
    wall: Timestamp::UNIX_EPOCH,
};

fn cache() -> Cache<BlockingNotify> {
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
        updated_at: None,
        version: None,
    }
}

fn at(second: u64) -> Now {
    Now {
        clock: Duration::from_secs(second),
        ..NOW
    }
}

fn error(cause: Cause) -> Error {
    Error::new(Action::List, cause)
}

fn begin(cache: &Cache<BlockingNotify>, number: usize, now: Now) -> ReadFlight<BlockingNotify> {
    let before = cache.completed_reads(&key(number));
    match cache.step(&key(number), before, now, LONGEST) {
        Step::Fly(reading) => reading,
        _ => panic!("another read is in progress, or none is needed"),
    }
}

/// The next step of a caller that came before any read had ended.
fn waiter(cache: &Cache<BlockingNotify>, now: Now) -> Step<BlockingNotify> {
    cache.step(&key(0), 0, now, LONGEST)
}

#[test]
fn names_that_failed_take_no_more_room_than_values() {
    let cache = cache();
    for number in 0..10 {
        let outcome = begin(&cache, number, NOW).end(Err(error(Cause::Deadline)), NOW);
        assert!(outcome.is_err());
    }
    for number in 10..20 {
        drop(begin(&cache, number, NOW));
    }
    assert_eq!(cache.lock().by_key.len(), 2);
}

#[test]
fn names_that_failed_take_no_room_from_values() {
    let cache = cache();
    let read = |number, outcome| begin(&cache, number, NOW).end(outcome, NOW).is_ok();
    let has = |number| {
        let step = cache.step(&key(number), 1, NOW, LONGEST);
        matches!(step, Step::Take(Ok(_)))
    };
    assert!(read(0, Ok(value())) && read(1, Ok(value())));
    for number in 2..10 {
        assert!(!read(number, Err(error(Cause::Deadline))));
    }
    assert!(has(0) && has(1));
    // Of two values the older goes.
    assert!(read(10, Ok(value())));
    assert!(has(1) && has(10) && !has(0));
}

#[test]
fn one_reads_and_the_others_wait_until_it_ends() {
    let cache = cache();
    let read = begin(&cache, 0, NOW);
    let seen = cache.landed().count();
    assert!(matches!(
        waiter(&cache, NOW),
        Step::Wait { at_most: LONGEST }
    ));
    drop(read);
    assert_ne!(cache.landed().count(), seen, "waiters are woken");
    begin(&cache, 0, NOW);
}

#[test]
fn a_read_that_timed_out_does_not_fail_for_its_waiters() {
    let cache = cache();
    let outcome = begin(&cache, 0, NOW).time_out(error(Cause::Deadline), true, NOW);
    assert!(outcome.is_err());
    assert!(matches!(waiter(&cache, NOW), Step::Fly(_)));
}

#[test]
fn a_timeout_with_all_its_time_is_cached_as_a_failure() {
    let policy = CachePolicy {
        failures_for: Duration::from_secs(5),
        ..CachePolicy::new(Duration::from_secs(60))
    };
    let cache = Cache::new(policy);
    let time_out = |whole| {
        let outcome = begin(&cache, 0, NOW).time_out(error(Cause::Deadline), whole, NOW);
        assert!(outcome.is_err());
    };
    time_out(false);
    time_out(true);
    assert!(matches!(waiter(&cache, at(4)), Step::Take(Err(_))));
    assert!(matches!(waiter(&cache, at(5)), Step::Fly(_)));
}

#[test]
fn an_old_value_is_returned_to_a_caller_without_time() {
    let policy = CachePolicy {
        stale_for: Duration::from_secs(60),
        ..CachePolicy::new(Duration::from_secs(60))
    };
    let cache = Cache::new(policy);
    let late = |cause, now| cache.fallback(&key(0), error(cause), now);
    assert!(late(Cause::Deadline, NOW).is_err());
    assert!(begin(&cache, 0, NOW).end(Ok(value()), NOW).is_ok());
    let is_stale = |outcome| matches!(outcome, Ok((_, Freshness::Stale { .. })));
    assert!(is_stale(late(Cause::Deadline, at(119))));
    assert!(!is_stale(late(Cause::Deadline, at(120))));
    let read = begin(&cache, 0, at(119));
    assert!(is_stale(read.time_out(
        error(Cause::Deadline),
        true,
        at(119)
    )));
}

/// Its task belongs to a runtime that no thread runs, and ends later.
#[test]
fn a_read_that_does_not_end_is_given_up() {
    let cache = cache();
    let old = begin(&cache, 0, NOW);
    let step = waiter(&cache, at(29));
    assert!(matches!(step, Step::Wait { at_most } if at_most == Duration::from_secs(1)));
    let new = begin(&cache, 0, at(30));
    // Its own caller alone gets its outcome.
    let error = error(Cause::Deadline);
    assert!(old.end(Err(error), at(31)).is_err());
    assert!(
        matches!(waiter(&cache, at(31)), Step::Wait { .. }),
        "for the new one"
    );
    assert!(new.end(Ok(value()), at(31)).is_ok());
    assert!(matches!(waiter(&cache, at(31)), Step::Take(Ok(_))));
}

#[test]
fn a_value_that_is_too_old_for_any_read_is_dropped() {
    let cache = cache();
    let read = |number: usize, expires_at: Option<Timestamp>, second: u64| {
        let value = Value {
            expires_at,
            ..value()
        };
        let now = at(second);
        assert!(begin(&cache, number, now).end(Ok(value), now).is_ok());
    };
    let has = |number| {
        let entries = cache.lock();
        entries
            .by_key
            .get(&key(number))
            .is_some_and(|entry| entry.value.is_some())
    };
    read(0, None, 1);
    read(1, None, 59);
    assert!(has(0) && has(1));
    read(1, None, 61 + 59);
    assert!(!has(0), "it is older than the 60 s that it may be");
    assert!(has(1));
}

#[test]
fn a_value_is_as_old_as_its_reading() {
    let cache = cache();
    begin(&cache, 0, NOW).end(Ok(value()), at(25)).unwrap();
    let step = |second| cache.step(&key(0), 1, at(second), LONGEST);
    let Step::Take(Ok((_, Freshness::Cached { age }))) = step(30) else {
        panic!("it is cached");
    };
    assert_eq!(age, Duration::from_secs(30));
    assert!(matches!(step(60), Step::Fly(_)));
}

#[test]
fn a_waiter_takes_a_value_whose_read_took_longer_than_its_life() {
    let cache = cache();
    begin(&cache, 0, NOW).end(Ok(value()), at(70)).unwrap();
    assert!(matches!(
        waiter(&cache, at(71)),
        Step::Take(Ok((_, Freshness::Fresh)))
    ));
    // A later caller reads again, and so does a waiter if that read fails.
    drop(begin(&cache, 0, at(71)));
    assert!(matches!(
        cache.step(&key(0), 1, at(72), LONGEST),
        Step::Fly(_)
    ));
}
