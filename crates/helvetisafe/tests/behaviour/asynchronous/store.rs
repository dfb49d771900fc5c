//! The asynchronous trait that applications depend on, and typed loading.

use std::sync::Arc;

use helvetisafe::load::{self, Load};
use helvetisafe::{AsyncSecretStore, ErrorKind, Expiry, ExposeSecret, MemoryStore};
use helvetisafe_test_support::World;

use super::client;

async fn use_all(store: Arc<dyn AsyncSecretStore>) {
    store.create("a", "one", Expiry::Keep).await.unwrap();
    store.update("a", "two", Expiry::Keep).await.unwrap();
    store.put("b", "5432", Expiry::Keep).await.unwrap();
    let read = store.get("a").await.unwrap();
    let version = read.version();
    for (value, is_first) in [("two", true), ("three", false)] {
        let updated = store.update_if_unchanged("a", version, value, Expiry::Keep);
        assert_eq!(updated.await.is_ok(), is_first);
    }
    store
        .set_field("c", "user", "old", Expiry::Keep)
        .await
        .unwrap();
    store
        .update_field("c", "user", "app", Expiry::Keep)
        .await
        .unwrap();
    assert_eq!(store.get("a").await.unwrap().expose_secret(), "two");
    let user = store.get_field("c", "user").await.unwrap();
    assert_eq!(user.expose_secret(), "app");
    let wanted = (
        load::text("a"),
        load::parse::<u16>("b"),
        load::text("d").optional(),
    );
    let (text, port, absent) = wanted.load_from_async(&store).await.unwrap();
    assert_eq!((text.as_str(), port, absent), ("two", 5432, None));
    let error = load::text("d").load_from_async(&*store).await.unwrap_err();
    let absent = error.problems()[0].error().unwrap();
    assert_eq!(absent.kind(), ErrorKind::NotFound);
    store.delete("a").await.unwrap();
    assert!(!store.exists("a").await.unwrap());
    assert_eq!(store.list().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_client_and_a_store_in_memory_behave_alike() {
    let world = World::new(|_, _| None);
    let client = client(&world).await;
    client.secrets().put("z", "true", None).await.unwrap();
    let task = tokio::spawn({
        let client = client.clone();
        async move { client.secrets().load(load::boolean("z")).await }
    });
    assert!(task.await.unwrap().unwrap());
    client.secrets().delete("z").await.unwrap();
    // In a task, so that the futures are known to move between threads.
    tokio::spawn(use_all(Arc::new(client))).await.unwrap();
    tokio::spawn(use_all(Arc::new(MemoryStore::new())))
        .await
        .unwrap();
}
