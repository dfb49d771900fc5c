//! Writes whose answer is lost, or that reach the server late.

use helvetisafe_proto::endpoint::{CreatedSecret, UpdatedSecret};

use super::*;
use crate::store::{
    AccountId, AccountRow, Conditional, IdempotencyKey, Most, Put, SecretVersion, Staged,
    StagedRow, Staging, StoredSecret, TokenKind,
};

/// A server, a node behind a proxy, and a node that is not.
struct Scene {
    server: Server,
    proxy: Proxy,
    store: Store,
    other: Store,
    grant: Grant,
}

impl Scene {
    async fn new() -> Option<Self> {
        let server = helvetisafe_test_postgres::database()?;
        let (proxy, grant) = (Proxy::start(port(&server)), grant());
        let behind = url(&server, &format!("127.0.0.1:{}", proxy.port));
        Some(Self {
            store: open(&behind, grant).await,
            other: Store::open(&server.url().parse().unwrap()).await.unwrap(),
            server,
            proxy,
            grant,
        })
    }

    /// Prepares all statements on the connection.
    async fn warm_up(&self) {
        warm_up(&self.store, self.grant).await;
        self.warm_up_accounts().await;
    }

    async fn warm_up_accounts(&self) {
        let (first, token) = self.new_account();
        let id = first.id;
        self.store.add_tenant(first, token).await.unwrap();
        let organization = OrganizationId(generate_id().unwrap());
        self.store.add_organization(organization).await.unwrap();
        self.store.add_account(account(organization)).await.unwrap();
        self.store.add_token(access(id)).await.unwrap();
        self.store.revoke(id, TokenKind::Access).await.unwrap();
    }

    /// Returns an account of an organization that does not exist.
    fn new_account(&self) -> (AccountRow, TokenRow) {
        let account = account(OrganizationId(generate_id().unwrap()));
        let token = token(account.id, TokenExpiry::Never);
        (account, token)
    }

    /// Holds a write, which the node repeats, and delivers it after another one.
    async fn late<T>(&self, write: impl Future<Output = T>, later: impl Future) -> T {
        self.proxy.hold();
        let outcome = write.await;
        later.await;
        self.proxy.deliver();
        outcome
    }

    /// Begins a write of a node, and kills the node when its statement is on its way. [`Proxy::deliver`] lets it arrive.
    async fn kill(&self, write: impl Future) {
        self.proxy.hold();
        tokio::select! {
            biased;
            () = self.proxy.holds() => {}
            _ = write => unreachable!("its statement is held"),
        }
    }

    /// Begins a write, and delays its statement until other work is done.
    async fn delay<T>(&self, write: impl Future<Output = T>, other: impl Future) -> T {
        self.proxy.stall();
        let other = async {
            self.proxy.holds().await;
            other.await;
            self.proxy.deliver();
        };
        tokio::join!(write, other).0
    }

    async fn value(&self, key: &str) -> Option<String> {
        let stored = self.other.stored_secrets(self.grant.tenant).await.unwrap();
        let found = stored.into_iter().find(|secret| secret.key == key);
        found.map(|secret| secret.value)
    }

    fn write(&self, key: &str, value: &str) -> SecretWrite {
        let mut write = write(self.grant, key);
        value.clone_into(&mut write.ciphertext.value);
        write
    }
}

/// Requests that are repeated, each with the same idempotency key.
impl Scene {
    fn repeated(&self, key: &str, value: &str) -> SecretWrite {
        SecretWrite {
            idempotency_key: Some(idempotency_key()),
            ..self.write(key, value)
        }
    }

    async fn delete(&self, store: &Store, name: &str) -> Result<Conditional<()>, StoreError> {
        let again = Some(idempotency_key());
        store
            .delete_secret(self.grant, key(name), None, again)
            .await
    }
}

fn idempotency_key() -> IdempotencyKey {
    IdempotencyKey::of([b"a key".as_slice()])
}

fn access(account: AccountId) -> TokenRow {
    TokenRow {
        kind: TokenKind::Access,
        ..token(account, TokenExpiry::Never)
    }
}

fn key(name: &str) -> KeyName {
    KeyName::parse(name).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_write_of_a_secret_has_no_effect() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let (store, other) = (&scene.store, &scene.other);
    scene.warm_up().await;
    let create = store.create_secret(scene.write("a", "late"));
    let later = other.delete_secret(scene.grant, key("a"), None, None);
    assert!(scene.late(create, later).await.unwrap().is_some());
    assert_eq!(scene.value("a").await, None);

    other
        .create_secret(scene.write("b", "first"))
        .await
        .unwrap();
    scene.warm_up().await;
    let update = store.update_secret(scene.write("b", "late"));
    let later = other.update_secret(scene.write("b", "later"));
    let updated = scene.late(update, later).await.unwrap();
    assert!(matches!(updated, Conditional::Done(_)));
    assert_eq!(scene.value("b").await.as_deref(), Some("later"));

    scene.warm_up().await;
    let put = store.put_secret(scene.write("b", "late"));
    let later = other.update_secret(scene.write("b", "later"));
    assert!(matches!(scene.late(put, later).await, Ok(Put::Updated(_))));
    assert_eq!(scene.value("b").await.as_deref(), Some("later"));

    scene.warm_up().await;
    let delete = store.delete_secret(scene.grant, key("b"), None, None);
    let later = other.create_secret(scene.write("b", "later"));
    let deleted = scene.late(delete, later).await;
    assert_eq!(deleted, Ok(Conditional::Done(())));
    assert_eq!(scene.value("b").await.as_deref(), Some("later"));
}

/// The node of a write dies, the client repeats the request at another node, and the statement of the first arrives after the
/// client's next write.
#[tokio::test(flavor = "multi_thread")]
async fn the_statement_of_a_dead_node_has_no_effect_after_the_repetition_of_the_request() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let (store, other) = (&scene.store, &scene.other);
    // The repetition has its effect, and then another write.
    scene.warm_up().await;
    scene
        .kill(store.create_secret(scene.repeated("a", "1")))
        .await;
    let created = other.create_secret(scene.repeated("a", "1")).await;
    assert!(created.unwrap().is_some());
    other.update_secret(scene.write("a", "2")).await.unwrap();
    scene.proxy.deliver();
    assert_eq!(scene.value("a").await.as_deref(), Some("2"));

    scene.warm_up().await;
    scene
        .kill(store.update_secret(scene.repeated("a", "3")))
        .await;
    let updated = other.update_secret(scene.repeated("a", "3")).await;
    assert!(matches!(updated, Ok(Conditional::Done(_))));
    other.update_secret(scene.write("a", "4")).await.unwrap();
    scene.proxy.deliver();
    assert_eq!(scene.value("a").await.as_deref(), Some("4"));

    scene.warm_up().await;
    scene.kill(store.put_secret(scene.repeated("a", "5"))).await;
    assert!(matches!(
        other.put_secret(scene.repeated("a", "5")).await,
        Ok(Put::Updated(_))
    ));
    other.update_secret(scene.write("a", "6")).await.unwrap();
    scene.proxy.deliver();
    assert_eq!(scene.value("a").await.as_deref(), Some("6"));

    // The repetition finds nothing to write: it was too early, and the statement of the dead node must not be too late.
    scene.warm_up().await;
    scene
        .kill(store.update_secret(scene.repeated("b", "7")))
        .await;
    let updated = other.update_secret(scene.repeated("b", "7")).await;
    assert_eq!(updated, Ok(Conditional::NoSecret));
    other.create_secret(scene.write("b", "8")).await.unwrap();
    scene.proxy.deliver();
    assert_eq!(scene.value("b").await.as_deref(), Some("8"));

    scene.warm_up().await;
    scene.kill(scene.delete(store, "a")).await;
    assert_eq!(scene.delete(other, "a").await, Ok(Conditional::Done(())));
    other.create_secret(scene.write("a", "9")).await.unwrap();
    scene.proxy.deliver();
    assert_eq!(scene.value("a").await.as_deref(), Some("9"));
}

/// The node of a write does not die: its statement is delayed, and it could repeat it. The client has the answer to a repetition
/// at another node, which found nothing to write, and another client has written since.
#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_statement_has_no_effect_after_its_repetition_was_refused() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let (store, other) = (&scene.store, &scene.other);
    let create = async || {
        let created = other.create_secret(scene.write("a", "later")).await;
        assert!(created.unwrap().is_some());
    };
    let remove = async || {
        let deleted = other.delete_secret(scene.grant, key("a"), None, None);
        assert_eq!(deleted.await, Ok(Conditional::Done(())));
    };

    scene.warm_up().await;
    let updated = scene.delay(store.update_secret(scene.repeated("a", "1")), async {
        let again = other.update_secret(scene.repeated("a", "1")).await;
        assert_eq!(again, Ok(Conditional::NoSecret));
        create().await;
    });
    assert_eq!(updated.await, Ok(Conditional::NoSecret));
    assert_eq!(scene.value("a").await.as_deref(), Some("later"));

    scene.warm_up().await;
    let created = scene.delay(store.create_secret(scene.repeated("a", "2")), async {
        assert_eq!(
            other.create_secret(scene.repeated("a", "2")).await,
            Ok(None)
        );
        remove().await;
    });
    assert_eq!(created.await, Ok(None));
    assert_eq!(scene.value("a").await, None);

    scene.warm_up().await;
    let deleted = scene.delay(scene.delete(store, "a"), async {
        assert_eq!(scene.delete(other, "a").await, Ok(Conditional::NoSecret));
        create().await;
    });
    assert_eq!(deleted.await, Ok(Conditional::NoSecret));
    assert_eq!(scene.value("a").await.as_deref(), Some("later"));

    // Each further repetition gets the same answer.
    for _ in 0..20 {
        assert_eq!(scene.delete(other, "a").await, Ok(Conditional::NoSecret));
    }
    assert_eq!(scene.value("a").await.as_deref(), Some("later"));
}

/// The statement of the dead node arrives before the repetition.
#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_returns_the_result_of_the_write_that_has_happened() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let (store, other) = (&scene.store, &scene.other);
    let created = store
        .create_secret(scene.repeated("a", "1"))
        .await
        .unwrap()
        .unwrap();
    let again = other
        .create_secret(scene.repeated("a", "1"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(created, again);

    let updated = store.update_secret(scene.repeated("a", "2")).await.unwrap();
    other.update_secret(scene.write("a", "3")).await.unwrap();
    let again = other.update_secret(scene.repeated("a", "2")).await.unwrap();
    assert_eq!(updated, again);
    assert_eq!(scene.value("a").await.as_deref(), Some("3"));

    store.put_secret(scene.repeated("a", "2")).await.unwrap();
    other.update_secret(scene.write("a", "3")).await.unwrap();
    other.put_secret(scene.repeated("a", "2")).await.unwrap();
    assert_eq!(scene.value("a").await.as_deref(), Some("3"));

    // Another content under the same key is another write.
    let other_content = other.update_secret(scene.repeated("a", "4")).await.unwrap();
    assert!(matches!(other_content, Conditional::Done(_)));
    assert_eq!(scene.value("a").await.as_deref(), Some("4"));

    assert_eq!(scene.delete(store, "a").await, Ok(Conditional::Done(())));
    assert_eq!(scene.delete(other, "a").await, Ok(Conditional::Done(())));
    other.create_secret(scene.write("a", "5")).await.unwrap();
    assert_eq!(scene.delete(other, "a").await, Ok(Conditional::Done(())));
    assert_eq!(scene.value("a").await.as_deref(), Some("5"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_write_of_a_token_has_no_effect() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let (store, other) = (&scene.store, &scene.other);
    let (account, api_token) = scene.new_account();
    let id = account.id;
    other.add_tenant(account, api_token).await.unwrap();
    scene.warm_up().await;
    let added = access(id);
    let hash = added.hash;
    let later = other.revoke(id, TokenKind::Access);
    scene.late(store.add_token(added), later).await.unwrap();
    assert!(other.principal(&hash).await.unwrap().is_none());

    scene.warm_up().await;
    let added = access(id);
    let hash = added.hash;
    let revoke = store.revoke(id, TokenKind::Access);
    scene.late(revoke, other.add_token(added)).await.unwrap();
    assert!(other.principal(&hash).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_staging_is_found() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let organization = scene.grant.tenant.organization;
    let created = scene.other.create_secret(scene.write("a", "1")).await;
    let created = created.unwrap().unwrap();
    scene.server.run(&format!(
        "INSERT INTO rotations (id, organization, to_epoch, started_by, status, lease_until, created_at) \
         SELECT 7, organization, 2, id, 'begun', 0, 0 FROM accounts WHERE organization = {}",
        organization.0
    ));
    let stage = |secrets: Vec<StagedRow>| {
        let staging = Staging {
            credential: scene.grant.token,
            rotation: 7,
            lease: Duration::from_secs(60),
            hold: false,
            secrets,
        };
        scene.store.stage(staging)
    };
    // Prepares the statement.
    assert_eq!(stage(Vec::new()).await, Ok(Staged::Done));
    scene.proxy.cut(1, false);
    let staged = stage(vec![StagedRow {
        key: key("a"),
        based_on: SecretVersion::parse(created.version.unwrap().as_str()).unwrap(),
        ciphertext: scene.write("a", "2").ciphertext,
    }]);
    assert_eq!(staged.await, Ok(Staged::Done));
    let most = Most {
        secrets: 9,
        bytes: 999,
    };
    let unstaged = scene.other.unstaged(organization, 7, most).await.unwrap();
    assert_eq!(unstaged.count, 0);
    assert_eq!(scene.value("a").await.as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_write_of_an_account_has_no_effect() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let store = &scene.store;
    let remove = async || {
        scene.server.run(
            "DELETE FROM tokens; DELETE FROM private_keys; DELETE FROM account_keys; DELETE FROM accounts; \
             DELETE FROM list_versions; DELETE FROM organizations",
        );
    };
    scene.warm_up_accounts().await;
    let (first, token) = scene.new_account();
    let added = store.add_tenant(first, token);
    scene.late(added, remove()).await.unwrap();
    assert!(!scene.other.has_accounts().await.unwrap());

    let organization = OrganizationId(generate_id().unwrap());
    scene.other.add_organization(organization).await.unwrap();
    scene.warm_up_accounts().await;
    let added = store.add_account(account(organization));
    let remove_accounts = async {
        scene.server.run(
            "DELETE FROM tokens; DELETE FROM private_keys; DELETE FROM account_keys; DELETE FROM accounts",
        );
    };
    scene.late(added, remove_accounts).await.unwrap();
    assert!(!scene.other.has_accounts().await.unwrap());

    let organization = OrganizationId(generate_id().unwrap());
    scene.warm_up_accounts().await;
    let added = store.add_organization(organization);
    scene.late(added, remove()).await.unwrap();
    let child = scene.other.add_account(account(organization)).await;
    assert_eq!(child, Err(StoreError::NoParent));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_was_lost_is_found_by_its_id() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let (store, other) = (&scene.store, &scene.other);
    scene.warm_up().await;
    scene.proxy.cut(1, false);
    let created = store.create_secret(scene.write("a", "1")).await.unwrap();
    let stored = other.stored_secrets(scene.grant.tenant).await.unwrap();
    assert_eq!(created.unwrap(), expected(&stored[0]).0);

    scene.warm_up().await;
    scene.proxy.cut(1, false);
    let updated = store.update_secret(scene.write("a", "2")).await.unwrap();
    let stored = other.stored_secrets(scene.grant.tenant).await.unwrap();
    assert_eq!(updated, Conditional::Done(expected(&stored[0]).1));

    scene.warm_up().await;
    scene.proxy.cut(1, false);
    let deleted = store.delete_secret(scene.grant, key("a"), None, None).await;
    assert_eq!(deleted, Ok(Conditional::Done(())));
    assert_eq!(scene.value("a").await, None);
}

/// Returns the answers to the create and to the update that stored a secret.
fn expected(stored: &StoredSecret) -> (CreatedSecret, UpdatedSecret) {
    let created = CreatedSecret {
        key: stored.key.clone(),
        created_at: stored.created_at.into(),
        expires_at: stored.expires_at.into(),
        version: Some(stored.version.clone()),
        key_epoch: Some(1),
    };
    let updated = UpdatedSecret {
        key: stored.key.clone(),
        updated_at: stored.updated_at.into(),
        expires_at: stored.expires_at.into(),
        version: Some(stored.version.clone()),
        key_epoch: Some(1),
    };
    (created, updated)
}

/// The statement never reaches the server.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_write_is_repeated_once() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    scene.warm_up().await;
    scene.proxy.cut(1, true);
    let created = scene.store.create_secret(scene.write("a", "1")).await;
    assert!(created.unwrap().is_some());
    assert_eq!(scene.value("a").await.as_deref(), Some("1"));
}

/// The database cannot be reached for a while.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_cannot_be_looked_up_is_fenced_later() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    scene.warm_up().await;
    scene.proxy.hold();
    scene.proxy.requests.is_refusing.store(true, SeqCst);
    let created = scene.store.create_secret(scene.write("a", "1")).await;
    assert!(
        matches!(created, Err(StoreError::OutcomeUnknown(_))),
        "{created:?}"
    );
    scene.proxy.requests.is_refusing.store(false, SeqCst);
    scene.store.sweep().await.unwrap();
    scene.proxy.deliver();
    assert_eq!(scene.value("a").await, None);
}

#[tokio::test]
async fn old_records_are_removed() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    scene.server.run(
        "DELETE FROM writes; INSERT INTO writes (id, at, happened) \
         SELECT age, (extract(epoch FROM now()) - age) * 1000000, age % 2 = 0 FROM unnest(ARRAY[300, 301, 900, 901]) AS age",
    );
    scene.store.sweep().await.unwrap();
    let ids = || sqlx::query("SELECT id FROM writes ORDER BY id");
    let postgres = super::super::Postgres::new(&address(&scene.server));
    let rows = postgres.repeatable(ids).await.unwrap();
    let ids: Vec<i64> = rows
        .iter()
        .map(|row| super::super::get(row, 0).unwrap())
        .collect();
    assert_eq!(ids, [300, 301]);
}

/// No statement arrives, or gets its lock, once its record is removed.
#[tokio::test]
async fn the_server_ends_the_sessions_of_late_statements() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let settings = || {
        sqlx::query(
            "SELECT current_setting('idle_session_timeout'), current_setting('lock_timeout')",
        )
    };
    let postgres = super::super::Postgres::new(&address(&scene.server));
    let rows = postgres.repeatable(settings).await.unwrap();
    for column in 0..2 {
        let value: &str = super::super::get(&rows[0], column).unwrap();
        assert_eq!(value, "5min");
    }
}
