use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use super::*;

fn soon() -> Expiry {
    Expiry::At(Timestamp::now() + Duration::from_millis(400))
}

#[tokio::test]
async fn a_secret_is_created_once_updated_and_deleted() {
    for world in worlds().await {
        let store = &world.store;
        assert_eq!(world.read("a").await, None);
        let first = world.create("a", "1").await;
        assert_eq!(world.read("a").await, Some(("1".to_owned(), first)));
        let again = store.create_secret(world.write("a", "2")).await.unwrap();
        assert!(again.is_none());
        assert_eq!(world.read("a").await, Some(("1".to_owned(), first)));

        let updated = store.update_secret(world.write("a", "3")).await.unwrap();
        let Conditional::Done(updated) = updated else {
            panic!("it exists");
        };
        let second = version(&updated.version);
        assert_eq!(world.read("a").await, Some(("3".to_owned(), second)));
        let absent = store.update_secret(world.write("b", "1")).await.unwrap();
        assert_eq!(absent, Conditional::NoSecret);

        let delete = |name| store.delete_secret(world.grant(), key(name), None, None);
        assert_eq!(delete("a").await.unwrap(), Conditional::Done(()));
        assert_eq!(delete("a").await.unwrap(), Conditional::NoSecret);
        assert_eq!(world.read("a").await, None);
        let third = world.create("a", "4").await;
        assert_eq!(HashSet::from([first.0, second.0, third.0]).len(), 3);
    }
}

#[tokio::test]
async fn a_write_with_versions_needs_one_of_them() {
    for world in worlds().await {
        let store = &world.store;
        let first = world.create("a", "1").await;
        let update = |name: &str, versions: &[SecretVersion]| {
            store.update_secret(SecretWrite {
                versions: Some(versions.to_vec()),
                ..world.write(name, "2")
            })
        };
        let other = SecretVersion(first.0 ^ 1);
        assert_eq!(update("a", &[]).await.unwrap(), Conditional::OtherVersion);
        assert_eq!(
            update("a", &[other]).await.unwrap(),
            Conditional::OtherVersion
        );
        assert_eq!(update("b", &[first]).await.unwrap(), Conditional::NoSecret);
        let Conditional::Done(updated) = update("a", &[other, first]).await.unwrap() else {
            panic!("one of them is its version");
        };
        let second = version(&updated.version);
        assert_eq!(
            update("a", &[first]).await.unwrap(),
            Conditional::OtherVersion
        );

        let delete =
            |versions: Option<Vec<_>>| store.delete_secret(world.grant(), key("a"), versions, None);
        assert_eq!(
            delete(Some(vec![first])).await.unwrap(),
            Conditional::OtherVersion
        );
        assert_eq!(
            delete(Some(vec![])).await.unwrap(),
            Conditional::OtherVersion
        );
        assert_eq!(
            delete(Some(vec![second])).await.unwrap(),
            Conditional::Done(())
        );
        assert_eq!(
            delete(Some(vec![second])).await.unwrap(),
            Conditional::NoSecret
        );
    }
}

#[tokio::test]
async fn put_creates_or_updates() {
    for world in worlds().await {
        let put = |value| world.store.put_secret(world.write("a", value));
        assert!(matches!(put("1").await.unwrap(), Put::Created(_)));
        assert!(matches!(put("2").await.unwrap(), Put::Updated(_)));
        assert_eq!(world.read("a").await.unwrap().0, "2");
    }
}

#[tokio::test]
async fn an_expired_secret_does_not_exist_and_gives_way() {
    for world in worlds().await {
        let store = &world.store;
        for name in ["a", "b", "c", "d"] {
            let write = SecretWrite {
                expiry: soon(),
                ..world.write(name, "1")
            };
            store.create_secret(write).await.unwrap().unwrap();
        }
        world.create("stays", "1").await;
        let write = |expiry| SecretWrite {
            expiry,
            ..world.write("d", "2")
        };
        let updated = store.update_secret(write(Expiry::Keep)).await.unwrap();
        assert!(
            matches!(updated, Conditional::Done(updated) if updated.expires_at.known().is_some())
        );
        let updated = store.update_secret(write(Expiry::Never)).await.unwrap();
        assert!(
            matches!(updated, Conditional::Done(updated) if updated.expires_at.known().is_none())
        );
        assert!(world.read("a").await.is_some());
        sleep(Duration::from_millis(500)).await;
        assert_eq!(world.read("a").await, None);
        assert_eq!(world.list().await, ["d", "stays"]);
        let updated = store.update_secret(world.write("a", "2")).await.unwrap();
        assert_eq!(updated, Conditional::NoSecret);
        let deleted = store
            .delete_secret(world.grant(), key("b"), None, None)
            .await
            .unwrap();
        assert_eq!(deleted, Conditional::NoSecret);
        world.create("a", "3").await;
        assert_eq!(world.read("a").await.unwrap().0, "3");
        assert_eq!(stored(&world).await, ["a", "b", "c", "d", "stays"]);

        store.sweep().await.unwrap();
        assert_eq!(stored(&world).await, ["a", "d", "stays"]);
        assert_eq!(world.list().await, ["a", "d", "stays"]);
    }
}

async fn stored(world: &World) -> Vec<String> {
    let stored = world.store.stored_secrets(world.tenant).await.unwrap();
    stored.into_iter().map(|secret| secret.key).collect()
}

#[tokio::test]
async fn tenants_are_separate() {
    for world in worlds().await {
        let organization = OrganizationId(generate_id().unwrap());
        let account = account(organization);
        let token = token(account.id, TokenExpiry::Never);
        let other = Grant {
            token: token.hash,
            tenant: Tenant {
                organization,
                ..world.tenant
            },
        };
        world.store.add_tenant(account, token).await.unwrap();
        world.create("a", "ours").await;
        let theirs = SecretWrite {
            grant: other,
            ..world.write("a", "theirs")
        };
        world.store.create_secret(theirs).await.unwrap().unwrap();
        let deleted = world.store.delete_secret(other, key("a"), None, None).await;
        assert_eq!(deleted.unwrap(), Conditional::Done(()));
        assert_eq!(world.read("a").await.unwrap().0, "ours");
        assert_eq!(
            world.store.list(other.tenant).await.unwrap().secrets.len(),
            0
        );
    }
}

/// After a rotation, a value under the old org key must not come into the new epoch.
#[tokio::test]
async fn a_write_for_another_epoch_than_the_organizations_is_refused() {
    for world in worlds().await {
        world.create("a", "1").await;
        let stale = Grant {
            tenant: Tenant {
                key_epoch: KeyEpoch(2),
                ..world.tenant
            },
            ..world.grant()
        };
        let write = |name: &str| SecretWrite {
            grant: stale,
            ..world.write(name, "2")
        };
        let store = &world.store;
        let refused = StoreError::OtherEpoch;
        assert_eq!(
            store.create_secret(write("b")).await.err(),
            Some(refused.clone())
        );
        assert_eq!(
            store.update_secret(write("a")).await.err(),
            Some(refused.clone())
        );
        assert_eq!(
            store.put_secret(write("a")).await.err(),
            Some(refused.clone())
        );
        let deleted = store.delete_secret(stale, key("a"), None, None).await;
        assert_eq!(deleted.err(), Some(refused));
        assert_eq!(store.stored_secrets(stale.tenant).await.unwrap().len(), 0);
        assert_eq!(world.read("a").await.unwrap().0, "1");
    }
}

/// The token was valid when the request arrived.
#[tokio::test]
async fn a_write_needs_its_token_until_it_happens() {
    for world in worlds().await {
        world.create("a", "1").await;
        let store = &world.store;
        store.revoke(world.account, TokenKind::Api).await.unwrap();
        let ended = token(world.account, TokenExpiry::At(Moment(0)));
        let tokens = [world.token, ended.hash, Hash::of_text("unknown")];
        store.add_token(ended).await.unwrap();
        for token in tokens {
            let grant = Grant {
                token,
                ..world.grant()
            };
            let write = |name: &str| SecretWrite {
                grant,
                ..world.write(name, "2")
            };
            let refused = Some(StoreError::Revoked);
            assert_eq!(store.create_secret(write("b")).await.err(), refused);
            assert_eq!(store.update_secret(write("a")).await.err(), refused);
            assert_eq!(store.put_secret(write("a")).await.err(), refused);
            let deleted = store.delete_secret(grant, key("a"), None, None).await;
            assert_eq!(deleted.err(), refused);
        }
        assert_eq!(stored(&world).await, ["a"]);
        assert_eq!(world.list().await, ["a"]);
    }
}

#[tokio::test]
async fn large_values_survive() {
    for world in worlds().await {
        let value = "A".repeat(2_000_000);
        world.create("a", &value).await;
        assert_eq!(world.read("a").await.unwrap().0, value);
    }
}

/// Reads, tokens and deletes continue.
#[tokio::test]
async fn a_full_disk_refuses_values_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = Database::file(folder.path().join("vault.db"));
    let mut world = World::of(&file, folder).await;
    world.create("a", "1").await;
    world.create("b", "1").await;
    let Store::Sqlite(sqlite) = &mut world.store else {
        panic!("it is a file");
    };
    sqlite.fill_disk();
    let store = &world.store;
    let refused = Some(StoreError::Full);
    assert_eq!(
        store.create_secret(world.write("c", "1")).await.err(),
        refused
    );
    assert_eq!(
        store.update_secret(world.write("a", "2")).await.err(),
        refused
    );
    assert_eq!(store.put_secret(world.write("a", "2")).await.err(), refused);
    assert_eq!(world.read("a").await.unwrap().0, "1");
    store
        .add_token(token(world.account, TokenExpiry::Never))
        .await
        .unwrap();
    let deleted = store
        .delete_secret(world.grant(), key("b"), None, None)
        .await;
    assert_eq!(deleted.unwrap(), Conditional::Done(()));
    store
        .revoke(world.account, TokenKind::Access)
        .await
        .unwrap();
    store.sweep().await.unwrap();
    assert_eq!(world.list().await, ["a"]);
}
