//! Each operation once.

use std::time::Duration;

use futures_util::StreamExt;
use helvetisafe::{CachePolicy, ChangeKind, ErrorKind, Expiry, ExposeSecret, Freshness, KeySource};
use helvetisafe_test_support::{TOKEN, World};

use super::{builder, client};

/// A task may move between threads, with whatever it borrows.
#[tokio::test]
async fn a_field_is_read_by_its_name_in_a_task() {
    let world = World::new(|_, _| None);
    let client = client(&world).await;
    let fields = [("DB_PASS", "s3cret")];
    let secrets = client.secrets();
    secrets.create_fields("db", &fields, None).await.unwrap();
    assert_eq!(
        secrets.get("db").await.unwrap_err().kind(),
        ErrorKind::Crypto
    );
    let task = async move {
        let secrets = client.secrets();
        let names = ["DB_HOST".to_owned(), "DB_PASS".to_owned()];
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let secret = secrets.get_with_fields("db", &names).await.unwrap();
        assert_eq!(secret.fields().len(), 1);
        secrets.get_field("db", names[1]).await.unwrap()
    };
    let read = tokio::spawn(task).await.unwrap();
    assert_eq!(read.expose_secret(), "s3cret");
}

#[tokio::test]
async fn a_secret_is_written_read_listed_and_deleted() {
    let world = World::new(|_, _| None);
    let client = client(&world).await;
    let secrets = client.secrets();
    secrets.create("db", "one", None).await.unwrap();
    let error = secrets.create("db", "two", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(secrets.get("db").await.unwrap().expose_secret(), "one");
    secrets.update("db", "two", Expiry::Keep).await.unwrap();
    secrets.put("other", "three", None).await.unwrap();
    secrets.copy("db", "third").await.unwrap();
    secrets
        .set_field("multi", "A", "a", Expiry::Keep)
        .await
        .unwrap();
    assert!(secrets.exists("third").await.unwrap());
    assert_eq!(secrets.list().await.unwrap().len(), 4);
    assert_eq!(secrets.get_all().await.unwrap().len(), 4);
    secrets.delete("db").await.unwrap();
    let error = secrets.get("db").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(
        secrets.get("bad/name").await.unwrap_err().kind(),
        ErrorKind::Config
    );
    assert_eq!(world.proxy.count("POST", TOKEN), 1);
    assert_eq!(
        client.org_key_fingerprint(),
        world.client().org_key_fingerprint()
    );
}

#[tokio::test]
async fn a_password_unlocks_the_key() {
    let world = World::new(|_, _| None);
    let password = KeySource::password(world.account.password.clone());
    let credentials = world.api_token();
    let builder = helvetisafe::AsyncClient::builder(world.proxy.base_url(), credentials, password);
    let client = builder.connect().await.unwrap();
    client.secrets().put("db", "v", None).await.unwrap();
    assert_eq!(
        client.secrets().get("db").await.unwrap().expose_secret(),
        "v"
    );
}

#[tokio::test]
async fn a_ticket_saves_the_token_request() {
    let world = World::new(|_, _| None);
    let ticket = client(&world).await.resumption_ticket().unwrap().unwrap();
    let resumed = builder(&world).resume(ticket).connect().await.unwrap();
    let ticket = resumed.resumption_ticket().unwrap().unwrap();
    world.builder().resume(ticket).connect().unwrap();
    assert_eq!(world.proxy.count("POST", TOKEN), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_secrets_are_written_and_read_concurrently() {
    let world = World::new(|_, _| None);
    let client = client(&world).await;
    let items: Vec<_> = (0..50)
        .map(|n| (format!("k{n}"), format!("v{n}")))
        .collect();
    let written = client.secrets().put_many(&items).await;
    assert!(written.iter().all(Result::is_ok));
    let keys: Vec<_> = items.iter().map(|(key, _)| key).collect();
    let read = client.secrets().get_many(&keys).await;
    for ((_, value), secret) in items.iter().zip(read) {
        assert_eq!(secret.unwrap().expose_secret(), value);
    }
    assert_eq!(world.proxy.count("POST", TOKEN), 1);

    let secrets = client.secrets();
    let copy = |(key, _): &(String, String)| {
        let (key, new) = (key.clone(), format!("{key}_copy"));
        async move { secrets.copy(key, new).await.is_ok() }
    };
    let mut progress = Vec::new();
    let copied = secrets.each(&items, copy, |done| progress.push(done)).await;
    assert_eq!(copied, [true; 50]);
    assert_eq!(progress, (1..=50).collect::<Vec<_>>());
    assert_eq!(secrets.list().await.unwrap().len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn get_many_can_run_in_a_spawned_task() {
    let world = World::new(|_, _| None);
    let client = client(&world).await;
    let task = async move {
        let keys = vec!["a".to_owned(), "b".to_owned()];
        let secrets = client.secrets();
        let create = async |key: &String| secrets.create(key, "v", None).await.is_ok();
        secrets.each(&keys, create, |_| ()).await
    };
    assert_eq!(tokio::spawn(task).await.unwrap(), [true; 2]);
}

#[tokio::test]
async fn tasks_share_one_read_of_a_cached_value() {
    let world = World::new(|_, _| None);
    let policy = CachePolicy::new(Duration::from_secs(60));
    let client = builder(&world).cache(policy).connect().await.unwrap();
    world.client().secrets().create("db", "v", None).unwrap();
    let read = || async { client.secrets().get("db").await.unwrap() };
    let reads = futures_util::future::join_all((0..32).map(|_| read())).await;
    assert!(reads.iter().all(|secret| secret.expose_secret() == "v"));
    assert_eq!(world.proxy.count("GET", "/api/v1/secrets/db"), 1);
    assert!(matches!(read().await.freshness(), Freshness::Cached { .. }));
}

#[tokio::test]
async fn a_watch_stream_yields_a_change() {
    let world = World::new(|_, _| None);
    let client = client(&world).await;
    client.secrets().create("a", "one", None).await.unwrap();
    let changes = client
        .secrets()
        .watch(["a"], Duration::from_millis(20))
        .unwrap();
    let mut changes = std::pin::pin!(changes);
    // The first poll has to precede the write.
    let first = tokio::time::timeout(Duration::from_millis(300), changes.next()).await;
    assert!(first.is_err(), "nothing has changed yet");
    client.secrets().put("a", "two", None).await.unwrap();
    let change = changes.next().await.unwrap().unwrap();
    assert_eq!(
        (change.key().as_str(), change.kind()),
        ("a", ChangeKind::Changed)
    );
}
