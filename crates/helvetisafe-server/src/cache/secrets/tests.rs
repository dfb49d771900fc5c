use std::time::Duration;

use super::*;

const ORGANIZATION: OrganizationId = OrganizationId(1);
const OTHER: OrganizationId = OrganizationId(2);

fn key(name: &str) -> KeyName {
    KeyName::parse(name).unwrap()
}

fn secret(size: usize) -> CachedAnswer {
    CachedAnswer {
        body: vec![0; size].into(),
        read_at: Moment::now(),
        expires_at: None,
        version: None,
    }
}

/// Starts a read of a secret that is not cached.
fn start_read(cache: &SecretCache, name: &str) -> ReadStart {
    let read = cache.get(ORGANIZATION, &key(name), Moment::now());
    read.err().unwrap()
}

fn insert(cache: &SecretCache, name: &str, secret: CachedAnswer) {
    cache.insert(start_read(cache, name), key(name), secret);
}

fn is_cached(cache: &SecretCache, name: &str, at: Moment) -> bool {
    cache.get(ORGANIZATION, &key(name), at).is_ok()
}

#[test]
fn a_write_removes_only_its_secret() {
    let (cache, later) = (
        SecretCache::default(),
        Moment::now().after(Duration::from_secs(1)),
    );
    insert(&cache, "a", secret(1));
    insert(&cache, "b", secret(1));
    drop(cache.begin_write(ORGANIZATION, &key("a")));
    assert!(!is_cached(&cache, "a", later));
    assert!(is_cached(&cache, "b", later));
    assert_eq!(lock(&cache.0).bytes, 2 + OVERHEAD);
    cache.clear();
    assert!(!is_cached(&cache, "b", later));
}

#[test]
fn a_read_that_a_write_may_have_overtaken_is_not_cached() {
    let (cache, now) = (SecretCache::default(), Moment::now());
    let later = now.after(Duration::from_secs(1));
    let before = start_read(&cache, "a");
    let write = cache.begin_write(ORGANIZATION, &key("a"));
    // The end of a write of another organization does not matter.
    drop(cache.begin_write(OTHER, &key("a")));
    let during = start_read(&cache, "a");
    cache.insert(before, key("a"), secret(1));
    assert!(!is_cached(&cache, "a", later));
    drop(write);
    for read in [before, during] {
        cache.insert(read, key("a"), secret(1));
        assert!(!is_cached(&cache, "a", later));
    }
    insert(&cache, "a", secret(1));
    assert!(is_cached(&cache, "a", later));
}

#[test]
fn a_read_from_before_a_sweep_is_not_cached() {
    let (cache, now) = (SecretCache::default(), Moment::now());
    let before = start_read(&cache, "a");
    cache.clear();
    cache.insert(before, key("a"), secret(1));
    assert!(!is_cached(&cache, "a", now.after(Duration::from_secs(1))));
}

#[test]
fn writes_of_another_organization_do_not_matter() {
    let (cache, later) = (
        SecretCache::default(),
        Moment::now().after(Duration::from_secs(1)),
    );
    let before = start_read(&cache, "a");
    let write = cache.begin_write(OTHER, &key("a"));
    let during = start_read(&cache, "b");
    cache.insert(before, key("a"), secret(1));
    cache.insert(during, key("b"), secret(1));
    drop(write);
    assert!(is_cached(&cache, "a", later));
    assert!(is_cached(&cache, "b", later));
}

/// Some of these share a counter.
#[test]
fn every_organization_has_a_counter() {
    let (cache, later) = (
        SecretCache::default(),
        Moment::now().after(Duration::from_secs(1)),
    );
    for number in [1, 257, -1, i64::MIN, i64::MAX] {
        let organization = OrganizationId(number);
        let read = || cache.get(organization, &key("a"), later);
        let before = read().err().unwrap();
        drop(cache.begin_write(organization, &key("a")));
        cache.insert(before, key("a"), secret(1));
        assert!(read().is_err(), "{number}");
        cache.insert(read().err().unwrap(), key("a"), secret(1));
        assert!(read().is_ok(), "{number}");
    }
}

#[test]
fn an_entry_expires_with_its_secret_and_is_not_from_the_future() {
    let (cache, now) = (SecretCache::default(), Moment::now());
    let end = now.after(Duration::from_secs(2));
    let expiring = CachedAnswer {
        read_at: now.after(Duration::from_secs(1)),
        expires_at: Some(end),
        ..secret(1)
    };
    insert(&cache, "a", expiring);
    assert!(!is_cached(&cache, "a", now));
    assert!(is_cached(&cache, "a", now.after(Duration::from_secs(1))));
    assert!(!is_cached(&cache, "a", end));
}

#[test]
fn the_size_is_bounded() {
    let cache = SecretCache::default();
    for name in ["a", "b", "c", "d", "e", "a"] {
        let read = start_read(&cache, "other");
        cache.insert(read, key(name), secret(CAPACITY / 5));
    }
    assert_eq!(lock(&cache.0).bytes, 2 * (CAPACITY / 5 + 1 + OVERHEAD));
    let again = start_read(&cache, "other");
    cache.insert(again, key("e"), secret(1));
    assert_eq!(lock(&cache.0).bytes, CAPACITY / 5 + 3 + 2 * OVERHEAD);
    insert(&cache, "f", secret(CAPACITY + 1));
    assert!(!is_cached(
        &cache,
        "f",
        Moment::now().after(Duration::from_secs(1))
    ));
}
