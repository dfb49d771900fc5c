//! What `tracing` is told.

use std::sync::{Mutex, MutexGuard, PoisonError};

use helvetisafe::Client;
use helvetisafe_test_support::{PEM, SECRETS, World, answer};
use secrecy::ExposeSecret;
use tracing::subscriber::with_default;
use tracing::{Level, info_span};

use crate::listener::{Listener, Said};

const KEY: &str = "a_key_of_note";
const VALUE: &str = "a value that nobody says";

/// One test at a time, as said in `main.rs`.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a listener hears of a client that connects, writes and reads.
fn heard(most: Level, world: &World) -> Listener {
    let listener = Listener::at(most);
    with_default(listener.clone(), || {
        let client = world.client();
        client.secrets().put(KEY, VALUE, None).unwrap();
        client.secrets().get(KEY).unwrap();
        client.secrets().get("other").unwrap_err();
        client.secrets().delete(KEY).unwrap();
    });
    listener
}

fn has_key(said: &Said) -> bool {
    said.words.contains(KEY)
}

#[test]
fn each_call_is_a_span() {
    let _alone = alone();
    let world = World::new(|_, _| None);
    let calls: Vec<_> = heard(Level::INFO, &world)
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
    let info = heard(Level::INFO, &world).said();
    assert!(!info.is_empty() && !info.iter().any(has_key), "{info:?}");
    let debug = heard(Level::DEBUG, &world);
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
    let listener = Listener::at(Level::DEBUG);
    with_default(listener.clone(), || {
        let client = world.client();
        client.secrets().list().unwrap();
    });
    let said = listener.said();
    let list = said
        .iter()
        .position(|said| said.words.contains("call=\"list\""))
        .unwrap();
    let events: Vec<_> = said[list + 1..].iter().map(|said| &said.words).collect();
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
    let spans = said[list + 1..].iter().map(|said| said.within.is_some());
    assert!(spans.into_iter().all(|within| within));
}

#[test]
fn threads_of_get_many_run_in_the_callers_span() {
    let _alone = alone();
    let world = World::new(|_, _| None);
    let client: Client = world.client();
    let listener = Listener::at(Level::INFO);
    with_default(listener.clone(), || {
        info_span!(target: "integrations", "mine").in_scope(|| {
            client.secrets().get_many(&["a", "b", "c"]);
        });
    });
    let spans = listener.spans();
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
    let listener = Listener::at(Level::INFO);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    with_default(listener.clone(), || {
        let connect = AsyncClient::builder(world.proxy.base_url(), credentials, key).connect();
        runtime.block_on(connect).unwrap();
    });
    let spans: Vec<_> = listener
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

/// It is a task of its own, on another thread.
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
    let listener = Listener::at(Level::INFO);
    with_default(listener.clone(), || {
        let read = runtime.block_on(async { client.secrets().get(KEY).await });
        assert!(read.is_err());
    });
    let spans = listener.spans().into_iter().map(|span| span.words);
    assert_eq!(spans.collect::<Vec<_>>(), ["call=\"get\" "]);
}

#[test]
fn no_span_or_event_contains_a_secret() {
    let _alone = alone();
    let world = World::new(|_, _| None);
    let said = heard(Level::TRACE, &world).said();
    let secret = world.account.client_secret.expose_secret();
    for word in [VALUE, secret, "uthorization", "earer", "BEGIN"] {
        for said in &said {
            assert!(!said.words.contains(word), "{said:?}");
        }
    }
}
