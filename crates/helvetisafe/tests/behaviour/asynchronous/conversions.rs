//! The types that an application has at hand, with the asynchronous client.

use std::collections::BTreeMap;
use std::time::Duration;

use helvetisafe::{ExposeSecret, SecretString};
use helvetisafe_test_support::World;

use super::client;
use crate::conversions::is_in_an_hour;

#[tokio::test]
async fn the_asynchronous_client_takes_the_same_types() {
    let world = World::new(|_, _| None);
    let client = client(&world).await;
    let secrets = client.secrets();
    let value = SecretString::from("1");
    secrets
        .put("a", &value, Duration::from_secs(3600))
        .await
        .unwrap();
    secrets.update("a", value, None).await.unwrap();
    assert!(is_in_an_hour(secrets.get("a").await.unwrap().expires_at()));
    let items = BTreeMap::from([("b", "2"), ("c", "3")]);
    assert!(secrets.put_many(items).await.iter().all(Result::is_ok));
    let found = secrets.get_many(["a", "b"].map(String::from)).await;
    assert!(found.iter().all(Result::is_ok));

    let mut changes = secrets.watch(["a"], Duration::from_millis(100)).unwrap();
    changes.begin().await.unwrap();
    secrets.put("a", "4", None).await.unwrap();
    let change = changes.next().await.unwrap().unwrap();
    assert_eq!(change.key().as_str(), "a");
}

#[tokio::test]
async fn bytes_are_stored_as_base64_text() {
    let world = World::new(|_, _| None);
    let client = client(&world).await;
    let secrets = client.secrets();
    secrets.create_bytes("a", [0, 255], None).await.unwrap();
    secrets.update_bytes("a", vec![0, 255], None).await.unwrap();
    secrets.put_bytes("a", b"\x00\xff", None).await.unwrap();
    assert_eq!(secrets.get("a").await.unwrap().expose_secret(), "AP8=");
    let bytes = secrets.get_bytes("a").await.unwrap();
    assert_eq!(bytes.expose_secret(), b"\x00\xff");
}
