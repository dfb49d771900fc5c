//! The spans and events that `tracing` receives.

use std::sync::{Mutex, MutexGuard, PoisonError};

use helvetisafe::Client;
use helvetisafe_test_support::{PEM, SECRETS, World, answer};
use secrecy::ExposeSecret;
use tracing::subscriber::with_default;
use tracing::{Level, info_span};

use crate::recorder::{Recorded, Recorder};

const KEY: &str = "a_key_of_note";
const VALUE: &str = "a value that is never emitted";

/// Runs one test at a time: see `main.rs`.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records a client that connects, writes and reads.
fn recorded(most: Level, world: &World) -> Recorder {
    let recorder = Recorder::at(most);
    with_default(recorder.clone(), || {
        let client = world.client();
        client.secrets().put(KEY, VALUE, None).unwrap();
        client.secrets().get(KEY).unwrap();
        client.secrets().get("other").unwrap_err();
        client.secrets().delete(KEY).unwrap();
    });
    recorder
}

fn has_key(entry: &Recorded) -> bool {
    entry.words.contains(KEY)
}

#[test]
fn each_call_is_a_span() {
    let _alone = alone();
    let world = World::new(|_, _| None);
    let calls: Vec<_> = recorded(Level::INFO, &world)
        .spans()
        .into_iter()
        .map(|span| span.words)
        .collect();
    let expected = [
        "org-key", "token", "update", "create", "get", "get", "delete",
    ];
    assert_eq!(calls, expected.map(|call| format!("call=\"{call}\" ")));
}

#[test]
fn secret_names_appear_at_debug_level_only() {
    let _alone = alone();
    let world = World::new(|_, _| None);
    let info = recorded(Level::INFO, &world).entries();
    assert!(!info.is_empty() && !info.iter().any(has_key), "{info:?}");
    let debug = recorded(Level::DEBUG, &world);
    let named = debug.spans().into_iter().filter(has_key);
    assert_eq!(named.count(), 4);
}

#[test]
fn each_attempt_is_an_event_within_its_span() {
    let _alone = alone();
    let world = World::new(|seen, before| {
        let earlier = before.iter().filter(|seen| seen.is("GET", SECRETS));
        (seen.is("GET", SECRETS) && earlier.count() == 0).then(|| answer(503, ""))
    });
    let recorder = Recorder::at(Level::DEBUG);
    with_default(recorder.clone(), || {
        let client = world.client();
        client.secrets().list().unwrap();
    });
    let entries = recorder.entries();
    let list = entries
        .iter()
        .position(|entry| entry.words.contains("call=\"list\""))
        .unwrap();
    let events: Vec<_> = entries[list + 1..]
        .iter()
        .map(|entry| &entry.words)
        .collect();
    for (event, part) in events.iter().zip([
        "message=sending method=\"GET\" path=\"/api/v1/secrets\" attempt=1",
        "message=answered status=503",
        "message=waiting time=25ms throttled=false",
        "message=sending method=\"GET\" path=\"/api/v1/secrets\" attempt=2",
        "message=answered status=200",
    ]) {
        assert!(event.contains(part), "{event} has not {part}");
    }
    assert_eq!(events.len(), 5);
    let spans = entries[list + 1..]
        .iter()
        .map(|entry| entry.within.is_some());
    assert!(spans.into_iter().all(|within| within));
}

#[test]
fn threads_of_get_many_run_in_the_callers_span() {
    let _alone = alone();
    let world = World::new(|_, _| None);
    let client: Client = world.client();
    let recorder = Recorder::at(Level::INFO);
    with_default(recorder.clone(), || {
        info_span!(target: "integrations", "mine").in_scope(|| {
            client.secrets().get_many(&["a", "b", "c"]);
        });
    });
    let spans = recorder.spans();
    assert_eq!(spans.len(), 3);
    assert!(spans.iter().all(|span| span.within == Some(1)), "{spans:?}");
}

#[test]
fn a_renewal_task_runs_in_the_span_of_its_caller() {
    use helvetisafe::{AsyncClient, Credentials, KeySource};

    let _alone = alone();
    let world = World::new(|_, _| None);
    let secret = world.account.client_secret.expose_secret();
    let credentials = Credentials::service_account(world.account.client_id.as_str(), secret);
    let key = KeySource::pem(PEM);
    let recorder = Recorder::at(Level::INFO);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    with_default(recorder.clone(), || {
        let connect = AsyncClient::builder(world.proxy.base_url(), credentials, key).connect();
        runtime.block_on(connect).unwrap();
    });
    let spans: Vec<_> = recorder
        .spans()
        .into_iter()
        .map(|span| (span.words, span.within))
        .collect();
    let expected = [("org-key", None), ("token", Some(1))];
    assert_eq!(
        spans,
        expected.map(|(call, within)| (format!("call=\"{call}\" "), within))
    );
}

/// The renewal is a separate task on another thread.
#[test]
fn a_read_for_the_cache_reports_to_the_callers_subscriber() {
    use helvetisafe::{AsyncClient, CachePolicy, Credentials, KeySource};

    let _alone = alone();
    let world = World::new(|_, _| None);
    let secret = world.account.client_secret.expose_secret();
    let credentials = Credentials::service_account(world.account.client_id.as_str(), secret);
    let key = KeySource::pem(PEM);
    let policy = CachePolicy::new(std::time::Duration::from_secs(60));
    let builder = AsyncClient::builder(world.proxy.base_url(), credentials, key).cache(policy);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let client = runtime.block_on(builder.connect()).unwrap();
    let recorder = Recorder::at(Level::INFO);
    with_default(recorder.clone(), || {
        let read = runtime.block_on(async { client.secrets().get(KEY).await });
        assert!(read.is_err());
    });
    let spans = recorder.spans().into_iter().map(|span| span.words);
    assert_eq!(spans.collect::<Vec<_>>(), ["call=\"get\" "]);
}

#[test]
fn no_span_or_event_contains_a_secret() {
    let _alone = alone();
    let world = World::new(|_, _| None);
    let entries = recorded(Level::TRACE, &world).entries();
    let secret = world.account.client_secret.expose_secret();
    for word in [VALUE, secret, "uthorization", "earer", "BEGIN"] {
        for entry in &entries {
            assert!(!entry.words.contains(word), "{entry:?}");
        }
    }
}
