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
fn each_operation_is_a_span_with_its_outcome_and_duration() {
    let _alone = alone();
    let world = World::new(|_, _| None);
    let spans = recorded(Level::INFO, &world).spans();
    let seen: Vec<_> = spans
        .iter()
        .map(|span| (span.span, span.words.contains("outcome=\"ok\"")))
        .collect();
    let expected = [
        ("org_key.get", true),
        ("token.fetch", true),
        ("secrets.put", true),
        ("secrets.get", true),
        ("secrets.get", false),
        ("secrets.delete", true),
    ];
    assert_eq!(seen, expected);
    assert!(
        spans.iter().all(|span| span.words.contains("duration=")),
        "{spans:?}"
    );
    let failed = &spans[4].words;
    assert!(
        failed.contains("outcome=\"error\" error.type=\"not_found\""),
        "{failed}"
    );
    assert!(failed.contains("otel.status_code=\"ERROR\""), "{failed}");
}

#[test]
fn each_request_is_a_span_with_the_fields_of_opentelemetry() {
    let _alone = alone();
    let world = World::new(|_, _| None);
    let recorder = recorded(Level::INFO, &world);
    let requests = recorder.requests();
    // The org key, the token, an update that finds nothing, a create, two reads and a delete.
    assert_eq!(requests.len(), 7, "{requests:?}");
    let address = world.proxy.base_url();
    let port = address.rsplit_once(':').unwrap().1;
    for part in [
        "otel.name=\"PUT /api/v1/secrets/{key}\"",
        "otel.kind=\"client\"",
        "http.request.method=\"PUT\"",
        "url.template=\"/api/v1/secrets/{key}\"",
        "server.address=\"127.0.0.1\"",
        &format!("server.port={port}"),
        "http.response.status_code=404",
        "error.type=\"404\"",
        "call.id=",
    ] {
        assert!(requests[2].words.contains(part), "{part}: {requests:?}");
    }
    assert!(!requests[2].words.contains("resend_count"), "{requests:?}");
    assert!(requests.iter().all(|request| request.within.is_some()));
}

#[test]
fn secret_names_appear_at_debug_level_only() {
    let _alone = alone();
    let world = World::new(|_, _| None);
    let info = recorded(Level::INFO, &world).entries();
    assert!(!info.is_empty() && !info.iter().any(has_key), "{info:?}");
    let debug = recorded(Level::DEBUG, &world);
    let named = debug.spans().into_iter().filter(has_key);
    assert_eq!(named.count(), 3);
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
        .position(|entry| entry.span == "secrets.list")
        .unwrap();
    let events: Vec<_> = entries[list + 1..]
        .iter()
        .filter(|entry| entry.span.is_empty())
        .collect();
    for (event, part) in events.iter().zip([
        "attempt=1 http.request.method=\"GET\" url.template=\"/api/v1/secrets\"",
        "attempt=1 http.response.status_code=503",
        "attempt=1 time=25ms throttled=false",
        "attempt=2 http.request.method=\"GET\"",
        "attempt=2 http.response.status_code=200",
        "call.name=\"secrets.list\" attempts=2 duration=",
    ]) {
        assert!(event.words.contains(part), "{event:?} has not {part}");
        assert!(event.within.is_some(), "{event:?}");
    }
    assert_eq!(events.len(), 6, "{events:?}");
    let requests = recorder.requests();
    let repeated = &requests.last().unwrap().words;
    assert!(
        repeated.contains("http.request.resend_count=1"),
        "{repeated}"
    );
}

#[test]
fn threads_of_get_many_run_in_the_callers_span() {
    let _alone = alone();
    let world = World::new(|_, _| None);
    let client: Client = world.client();
    let recorder = Recorder::at(Level::INFO);
    with_default(recorder.clone(), || {
        info_span!(target: "integrations", "mine").in_scope(|| {
            client.secrets().get_many(["a", "b", "c"]);
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
        .map(|span| (span.span, span.within))
        .collect();
    assert_eq!(spans, [("org_key.get", None), ("token.fetch", Some(1))]);
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
    let requests = recorder.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(recorder.spans()[0].span, "secrets.get");
    assert_eq!(requests[0].within, Some(1));
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
