//! Events identify concurrent calls, and report operations and the cache.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use helvetisafe::{CachePolicy, ClientBuilder, ErrorKind, Event, EventError};
use helvetisafe_test_support::{Action, World, answer, earlier};

/// The events, one line each.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn of(&self, builder: ClientBuilder) -> ClientBuilder {
        let log = Arc::clone(&self.0);
        builder.on_event(move |event| log.lock().unwrap().extend(line(event)))
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn line(event: &Event<'_>) -> Option<String> {
    let kind = |error: Option<EventError<'_>>| error.map_or("ok", |error| error.kind().name());
    Some(match event {
        Event::CacheHit { key, .. } => format!("hit {}", key.expose()),
        Event::CacheMiss { key, .. } => format!("miss {}", key.expose()),
        Event::CacheStale { key, error, .. } => {
            format!("stale {} {}", key.expose(), error.kind().name())
        }
        Event::CacheRefreshed { key, error, .. } => {
            format!("refreshed {} {}", key.expose(), kind(*error))
        }
        Event::OperationEnded {
            operation, error, ..
        } => format!("{operation} {}", kind(*error)),
        Event::CallEnded {
            call,
            attempts,
            error,
            ..
        } => {
            format!("call {} {attempts} {}", call.name(), kind(*error))
        }
        _ => return None,
    })
}

#[test]
fn the_cache_reports_hits_misses_refreshes_and_stale_reads() {
    let world = World::new(|seen, before| {
        let reads = earlier(before, "GET", "/api/v1/secrets/a");
        (seen.is("GET", "/api/v1/secrets/a") && reads > 0).then(|| answer(503, ""))
    });
    let log = Log::default();
    let policy = CachePolicy {
        stale_for: Duration::from_secs(60),
        ..CachePolicy::new(Duration::from_secs(10))
    };
    let builder = world.builder().attempts(1).cache(policy);
    let client = log.of(builder).connect().unwrap();
    let secrets = client.secrets();
    secrets.put("a", "v", None).unwrap();
    secrets.invalidate_all();
    log.take();
    secrets.get("a").unwrap();
    let refreshed = [
        "call secrets.get 1 ok",
        "refreshed a ok",
        "miss a",
        "secrets.get ok",
    ];
    assert_eq!(log.take(), refreshed);
    secrets.get("a").unwrap();
    assert_eq!(log.take(), ["hit a", "secrets.get ok"]);
    world.clock.advance(Duration::from_secs(11));
    secrets.get("a").unwrap();
    let stale = log.take();
    for line in [
        "call secrets.get 1 api",
        "refreshed a api",
        "stale a api",
        "secrets.get ok",
    ] {
        assert!(stale.iter().any(|seen| seen == line), "{line}: {stale:?}");
    }
}

/// The first read waits a short time for the vault, and the second one not at all.
#[test]
fn the_cache_reports_stale_reads_while_the_vault_hangs() {
    let world = World::new(|seen, before| {
        let reads = earlier(before, "GET", "/api/v1/secrets/a");
        (seen.is("GET", "/api/v1/secrets/a") && reads > 0)
            .then_some(Action::Stall(Duration::from_secs(60)))
    });
    let log = Log::default();
    let policy = CachePolicy {
        stale_for: Duration::from_secs(60),
        stale_after: Duration::from_millis(50),
        ..CachePolicy::new(Duration::from_millis(1))
    };
    let builder = world.builder_on_the_real_clock().cache(policy);
    let client = log.of(builder).connect().unwrap();
    let secrets = client.secrets();
    secrets.put("a", "v", None).unwrap();
    secrets.invalidate_all();
    secrets.get("a").unwrap();
    for _ in 0..2 {
        thread::sleep(Duration::from_millis(2));
        log.take();
        secrets.get("a").unwrap();
        assert_eq!(log.take(), ["stale a transport", "secrets.get ok"]);
    }
}

#[test]
fn an_operation_reports_its_calls_and_its_own_end() {
    let world = World::new(|_, _| None);
    let log = Log::default();
    let client = log.of(world.builder()).connect().unwrap();
    let of_connect = log.take();
    assert_eq!(
        of_connect,
        ["call token.fetch 1 ok", "call org_key.get 1 ok"]
    );
    let secrets = client.secrets();
    secrets.put("a", "v", None).unwrap();
    let put = [
        "call secrets.update 1 not_found",
        "call secrets.create 1 ok",
        "secrets.put ok",
    ];
    assert_eq!(log.take(), put);
    let error = secrets.get("no name").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(log.take(), ["secrets.get config"]);
    secrets.copy("a", "b").unwrap();
    assert_eq!(log.take().last().unwrap(), "secrets.copy ok");
    assert!(secrets.exists("b").unwrap());
    assert_eq!(log.take(), ["call secrets.get 1 ok", "secrets.exists ok"]);
}

#[test]
fn the_events_of_concurrent_calls_can_be_told_apart() {
    let world = World::new(|seen, before| {
        let is_first = earlier(before, &seen.method, &seen.path) == 0;
        (seen.path.starts_with("/api/v1/secrets/") && is_first).then(|| answer(503, ""))
    });
    let steps: Arc<Mutex<BTreeMap<u64, Vec<String>>>> = Arc::default();
    let log = Arc::clone(&steps);
    let observe = move |event: &Event<'_>| {
        let (call, step) = match event {
            Event::Sending { call, attempt, .. } => (call, format!("sending {attempt}")),
            Event::Answered {
                call,
                attempt,
                status,
                ..
            } => (call, format!("{status} {attempt}")),
            Event::Waiting { call, attempt, .. } => (call, format!("waiting {attempt}")),
            Event::CallEnded { call, attempts, .. } => (call, format!("ended {attempts}")),
            _ => return,
        };
        let key = call.key().map(|key| key.expose().to_string());
        let line = format!("{} {}: {step}", call.method(), key.unwrap_or_default());
        log.lock().unwrap().entry(call.id()).or_default().push(line);
    };
    let client = world.builder().on_event(observe).connect().unwrap();
    steps.lock().unwrap().clear();
    let keys = ["a", "b", "c", "d"];
    client.secrets().get_many(keys);
    let steps = steps.lock().unwrap();
    let expected: BTreeSet<_> = keys
        .iter()
        .map(|key| {
            let steps = [
                "sending 1",
                "503 1",
                "waiting 1",
                "sending 2",
                "404 2",
                "ended 2",
            ];
            steps.map(|step| format!("GET {key}: {step}")).to_vec()
        })
        .collect();
    assert_eq!(steps.values().cloned().collect::<BTreeSet<_>>(), expected);
    assert_eq!(steps.len(), keys.len());
}

#[test]
fn debug_of_an_event_names_no_secret() {
    let world = World::new(|seen, before| {
        let reads = earlier(before, "GET", "/api/v1/secrets/hidden_name");
        (seen.is("GET", "/api/v1/secrets/hidden_name") && reads > 0).then(|| answer(503, ""))
    });
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&log);
    let observe = move |event: &Event<'_>| {
        let text = format!("{event:?}\n{event:#?}");
        seen.lock().unwrap().push(text);
    };
    let policy = CachePolicy {
        stale_for: Duration::from_secs(60),
        ..CachePolicy::new(Duration::from_secs(10))
    };
    let builder = world.builder().attempts(1).cache(policy);
    let client = builder.on_event(observe).connect().unwrap();
    let secrets = client.secrets();
    secrets.create("hidden_name", "v", None).unwrap();
    secrets.create("hidden_name", "v", None).unwrap_err();
    secrets.invalidate_all();
    secrets.get("hidden_name").unwrap();
    world.clock.advance(Duration::from_secs(11));
    secrets.get("hidden_name").unwrap();
    secrets.delete("hidden_name").unwrap();
    secrets.update("hidden_name", "v", None).unwrap_err();
    let log = log.lock().unwrap();
    for part in ["CacheStale", "EventError(Conflict)", "EventError(NotFound)"] {
        assert!(
            log.iter().any(|text| text.contains(part)),
            "{part}: {log:#?}"
        );
    }
    let naming = log.iter().find(|text| text.contains("hidden_name"));
    assert_eq!(naming, None);
}
