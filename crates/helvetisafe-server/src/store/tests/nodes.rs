//! Several nodes on one PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_at_once_make_the_tables_once() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let database: Database = server.url().parse().unwrap();
    let mut nodes = JoinSet::new();
    for _ in 0..8 {
        let database = database.clone();
        nodes.spawn(async move {
            let store = Store::open(&database).await.unwrap();
            store.migrate().await.unwrap();
            assert!(store.migrations().await.unwrap().pending().is_empty());
            store.close().await;
        });
    }
    nodes.join_all().await;
}

/// The node that had the lease died in between.
#[tokio::test]
async fn an_abandoned_lease_ends() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    server.run(
        "CREATE TABLE leases (name TEXT PRIMARY KEY, holder BIGINT NOT NULL, valid_until BIGINT NOT NULL); \
         CREATE TABLE migrations (number BIGINT PRIMARY KEY, ran_at BIGINT NOT NULL); \
         INSERT INTO leases SELECT 'migrations', 1, (extract(epoch FROM now()) + 1) * 1000000",
    );
    let store = Store::open(&server.url().parse().unwrap()).await.unwrap();
    assert!(!store.migrations().await.unwrap().pending().is_empty());
    let start = std::time::Instant::now();
    store.migrate().await.unwrap();
    assert!(start.elapsed() > Duration::from_millis(500), "it waited");
    assert!(store.migrations().await.unwrap().pending().is_empty());
}

/// A node of this version beside one of the next.
#[tokio::test]
async fn a_database_that_is_ahead_has_nothing_pending() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let world = World::of(&server.url().parse().unwrap(), ()).await;
    server.run(
        "INSERT INTO migrations VALUES (1000, 0, 1); ALTER TABLE secrets ADD COLUMN later TEXT",
    );
    assert!(world.store.migrations().await.unwrap().pending().is_empty());
    world.store.migrate().await.unwrap();
    world.create("a", "1").await;
    assert_eq!(world.read("a").await.unwrap().0, "1");
}

#[tokio::test]
async fn what_one_node_writes_the_other_reads_next() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let database = server.url().parse().unwrap();
    let one = World::of(&database, ()).await;
    let two = World {
        store: open(&database).await,
        client_id: one.client_id.clone(),
        _home: Box::new(()),
        ..one
    };
    let one = open(&database).await;
    for n in 0..50 {
        let value = n.to_string();
        one.put_secret(two.write("a", &value)).await.unwrap();
        assert_eq!(two.read("a").await.unwrap().0, value);
        assert_eq!(two.list().await, ["a"]);
    }
    one.revoke(two.account, TokenKind::Api).await.unwrap();
    assert!(two.store.principal(&two.token).await.unwrap().is_none());
}

#[tokio::test]
async fn a_disabled_account_has_no_rights_at_once() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let world = World::of(&server.url().parse().unwrap(), ()).await;
    assert!(world.store.principal(&world.token).await.unwrap().is_some());
    server.run("UPDATE accounts SET status = 'disabled'");
    let refused = world.store.put_secret(world.write("a", "1")).await;
    assert_eq!(refused.err(), Some(StoreError::Revoked));
    assert!(world.store.principal(&world.token).await.unwrap().is_none());
    assert!(
        world
            .store
            .client(&world.client_id)
            .await
            .unwrap()
            .is_none()
    );
}

/// The write waits for a lock meanwhile, so its statement began before the token was revoked.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_waits_for_a_lock_notices_that_its_token_is_revoked() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let world = World::of(&server.url().parse().unwrap(), ()).await;
    world.create("a", "1").await;
    let locked = Arc::new(server);
    let holder = Arc::clone(&locked);
    let held = tokio::task::spawn_blocking(move || {
        holder.run("BEGIN; SELECT 1 FROM organizations FOR UPDATE; SELECT pg_sleep(1); COMMIT");
    });
    sleep(Duration::from_millis(400)).await;
    let update = world.store.update_secret(world.write("a", "2"));
    let revoke = async {
        sleep(Duration::from_millis(200)).await;
        world.store.revoke(world.account, TokenKind::Api).await
    };
    let (updated, revoked) = tokio::join!(update, revoke);
    revoked.unwrap();
    held.await.unwrap();
    assert_eq!(updated.err(), Some(StoreError::Revoked));
}

/// The epoch of the organization decides which secrets a token reads.
#[tokio::test]
async fn a_read_follows_the_epoch_at_once() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let world = World::of(&server.url().parse().unwrap(), ()).await;
    world.create("a", "old").await;
    server.run(
        "INSERT INTO secrets SELECT organization, 2, key, version, write_id, version, created_at, updated_at, \
         expires_at, nonce, 'new' FROM secrets; UPDATE organizations SET key_epoch = 2",
    );
    let found = world.store.read_secret(&world.token, Some(key("a"))).await;
    let (principal, record) = found.unwrap().unwrap();
    assert_eq!(principal.tenant.key_epoch, KeyEpoch(2));
    assert_eq!(record.unwrap().value, "new");
    let refused = world.store.create_secret(world.write("b", "old")).await;
    assert_eq!(refused.err(), Some(StoreError::OtherEpoch));
}
