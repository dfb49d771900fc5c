//! A vault that stops to answer, and a cache that may return stale values: no read waits for long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use helvetisafe::{
    AsyncClient, CachePolicy, Client, Error, ErrorKind, Freshness, Secret, Timeouts,
};
use helvetisafe_test_support::{Action, ClientKind, Request, World};
use tokio::runtime::Runtime;

use super::asynchronous;

const KEYS: usize = 100;
const LIFE: Duration = Duration::from_millis(20);

/// The README's settings with a shorter life.
fn policy() -> CachePolicy {
    CachePolicy {
        stale_for: Duration::from_secs(3600),
        ..CachePolicy::new(LIFE)
    }
}

/// One of the clients.
enum AnyClient {
    Blocking(Client),
    Async(AsyncClient, Runtime),
}

/// A world whose vault can stop to answer reads, or answer them late.
struct Stage {
    world: World,
    stalls: Arc<AtomicBool>,
    is_slow: Arc<AtomicBool>,
    client: AnyClient,
}

fn is_read(seen: &Request) -> bool {
    seen.method == "GET" && seen.path.starts_with("/api/v1/secrets/")
}

impl Stage {
    fn new(kind: ClientKind, policy: CachePolicy) -> Self {
        let stalls = Arc::new(AtomicBool::new(false));
        let is_slow = Arc::new(AtomicBool::new(false));
        let (is_stalled, is_late) = (Arc::clone(&stalls), Arc::clone(&is_slow));
        let world = World::new(move |seen, _| {
            if !is_read(seen) {
                None
            } else if is_stalled.load(Ordering::SeqCst) {
                Some(Action::Stall(Duration::from_secs(60)))
            } else if is_late.load(Ordering::SeqCst) {
                Some(Action::ForwardAfter(Duration::from_secs(1)))
            } else {
                None
            }
        });
        let timeouts = Timeouts {
            operation: Duration::from_secs(4),
            ..Timeouts::default()
        };
        let client = match kind {
            ClientKind::Blocking => {
                let builder = world.builder_on_the_real_clock().timeouts(timeouts);
                AnyClient::Blocking(builder.cache(policy).connect().unwrap())
            }
            ClientKind::Async => {
                let runtime = Runtime::new().unwrap();
                let builder = asynchronous::builder(&world).timeouts(timeouts);
                let client = runtime.block_on(builder.cache(policy).connect());
                AnyClient::Async(client.unwrap(), runtime)
            }
        };
        Self {
            world,
            stalls,
            is_slow,
            client,
        }
    }

    fn writer(&self) -> Client {
        self.world.client()
    }

    fn try_get(&self, key: &str) -> Result<Secret, Error> {
        match &self.client {
            AnyClient::Blocking(client) => client.secrets().get(key),
            AnyClient::Async(client, runtime) => runtime.block_on(client.secrets().get(key)),
        }
    }

    fn get(&self, key: &str) -> Secret {
        self.try_get(key).unwrap()
    }

    /// Writes all secrets and reads them into the cache.
    fn fill(&self, value: &str) {
        let writer = self.writer();
        for key in keys() {
            writer.secrets().put(&key, value, None).unwrap();
        }
        for key in keys() {
            self.get(&key);
        }
    }

    /// Stops to answer, after the cached values are no longer fresh.
    fn stall(&self) {
        thread::sleep(LIFE);
        self.stalls.store(true, Ordering::SeqCst);
    }

    fn reads(&self) -> usize {
        self.world
            .proxy
            .log()
            .iter()
            .filter(|seen| is_read(seen))
            .count()
    }
}

fn keys() -> impl Iterator<Item = String> {
    (0..KEYS).map(|number| format!("key_{number}"))
}

fn is_stale(secret: &Secret) -> bool {
    matches!(secret.freshness(), Freshness::Stale { .. })
}

#[test]
fn every_read_takes_less_than_a_second_and_few_reach_the_vault() {
    for &kind in ClientKind::ALL {
        let stage = Stage::new(kind, policy());
        stage.fill("old");
        stage.stall();
        let (before, begun) = (stage.reads(), Instant::now());
        for key in keys() {
            let begun = Instant::now();
            let secret = stage.get(&key);
            let time = begun.elapsed();
            assert!(time < Duration::from_secs(1), "{kind:?} {key} {time:?}");
            assert!(is_stale(&secret) && secret.expose_secret() == "old");
        }
        let time = begun.elapsed();
        assert!(time < Duration::from_secs(3), "{kind:?}: {time:?}");
        let reads = stage.reads() - before;
        assert!(
            reads <= 4,
            "{kind:?}: one failure serves all keys, and {reads} were read"
        );
    }
}

/// Also the keys that are not requested again.
#[test]
fn after_an_outage_all_keys_are_refreshed_in_the_background() {
    for &kind in ClientKind::ALL {
        let stage = Stage::new(kind, policy());
        stage.fill("old");
        stage.stall();
        for key in keys() {
            assert!(is_stale(&stage.get(&key)));
        }
        let before = stage.reads();
        stage.stalls.store(false, Ordering::SeqCst);
        let begun = Instant::now();
        while stage.reads() < before + KEYS {
            assert!(begun.elapsed() < Duration::from_secs(20), "{kind:?}");
            // It finds out that the vault answers again.
            stage.get("key_0");
            thread::sleep(Duration::from_millis(100));
        }
    }
}

#[test]
fn concurrent_reads_of_all_keys_take_less_than_a_second() {
    for &kind in ClientKind::ALL {
        let stage = Stage::new(kind, policy());
        stage.fill("old");
        stage.stall();
        thread::scope(|scope| {
            for key in keys() {
                let stage = &stage;
                scope.spawn(move || {
                    let begun = Instant::now();
                    assert!(is_stale(&stage.get(&key)));
                    let time = begun.elapsed();
                    assert!(time < Duration::from_secs(1), "{kind:?} {key} {time:?}");
                });
            }
        });
    }
}

#[test]
fn without_a_wait_a_stale_value_is_returned_at_once_and_refreshed() {
    for &kind in ClientKind::ALL {
        let policy = CachePolicy {
            stale_after: Duration::ZERO,
            time_to_live: Duration::from_secs(1),
            ..policy()
        };
        let stage = Stage::new(kind, policy);
        stage.fill("old");
        stage.writer().secrets().put("key_0", "new", None).unwrap();
        thread::sleep(Duration::from_secs(1));
        // On a busy machine a quick answer could come before the stale value is returned.
        stage.is_slow.store(true, Ordering::SeqCst);
        let secret = stage.get("key_0");
        assert!(is_stale(&secret) && secret.expose_secret() == "old");
        let begun = Instant::now();
        while stage.get("key_0").expose_secret() == "old" {
            assert!(begun.elapsed() < Duration::from_secs(10), "{kind:?}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_cached_failure_of_one_key_is_the_failure_of_all() {
    for &kind in ClientKind::ALL {
        let policy = CachePolicy {
            failures_for: Duration::from_secs(60),
            ..policy()
        };
        let stage = Stage::new(kind, policy);
        stage.stall();
        let error = stage.try_get("key_0").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
        let begun = Instant::now();
        for key in keys() {
            let error = stage.try_get(&key).unwrap_err();
            assert_eq!(error.key().map(|key| key.as_str()), Some(&*key));
        }
        assert!(begun.elapsed() < Duration::from_secs(1), "{kind:?}");
        assert_eq!(stage.reads(), 1, "{kind:?}");
    }
}
