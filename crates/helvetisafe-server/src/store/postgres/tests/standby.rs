//! Commits that wait for a standby, and an administrator who ends the wait.

use helvetisafe_test_postgres::Server as Process;
use tokio::time::{sleep, timeout};

use super::*;
use crate::store::{AccountId, Replication, TokenKind};

/// A server whose commits wait, and a node.
struct Scene {
    server: Process,
    store: Arc<Store>,
    grant: Grant,
}

impl Scene {
    async fn new() -> Option<Self> {
        let server = Process::start(&[])?;
        let grant = grant();
        let store = open(&server.url().parse().unwrap(), grant).await;
        let scene = Self {
            server,
            store: Arc::new(store),
            grant,
        };
        scene.wait_for("absent").await;
        Some(scene)
    }

    /// Lets commits wait for this standby.
    async fn wait_for(&self, standby: &str) {
        let setting = format!("ALTER SYSTEM SET synchronous_standby_names = '{standby}'");
        self.server.execute(&setting);
        self.server.execute("SELECT pg_reload_conf()");
        // The processes of the server read it when they wake up.
        sleep(Duration::from_millis(500)).await;
    }

    /// Ends the wait of a commit as an administrator would, with `pg_cancel_backend` or `pg_terminate_backend`.
    fn end_wait(&self, function: &str) {
        self.server.execute(&format!(
            "DO $$ DECLARE found INTEGER; BEGIN FOR attempt IN 1..100 LOOP \
             SELECT count({function}(pid)) INTO found FROM pg_stat_activity WHERE wait_event = 'SyncRep'; \
             IF found > 0 THEN RETURN; END IF; \
             PERFORM pg_sleep(0.05), pg_stat_clear_snapshot(); END LOOP; \
             RAISE 'no commit waits'; END $$"
        ));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_acknowledged_once_a_standby_has_it() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    for (index, function) in ["pg_cancel_backend", "pg_terminate_backend"]
        .into_iter()
        .enumerate()
    {
        scene.wait_for("absent").await;
        let (store, grant) = (Arc::clone(&scene.store), scene.grant);
        let name = format!("a{index}");
        let mut create =
            tokio::spawn(async move { store.create_secret(write(grant, &name)).await });
        scene.end_wait(function);
        let early = timeout(Duration::from_secs(1), &mut create).await;
        assert!(early.is_err(), "{function}: no standby has it");
        // Instead of a standby that comes back.
        scene.wait_for("").await;
        assert!(create.await.unwrap().unwrap().is_some(), "{function}");
    }
    let stored = scene
        .store
        .stored_secrets(scene.grant.tenant)
        .await
        .unwrap();
    assert_eq!(stored.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_added_and_revoked_once_a_standby_has_it() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let account = scene
        .store
        .principal(&scene.grant.token)
        .await
        .unwrap()
        .unwrap()
        .account;
    for function in ["pg_cancel_backend", "pg_terminate_backend"] {
        scene.wait_for("absent").await;
        let store = Arc::clone(&scene.store);
        let mut add = tokio::spawn(async move {
            let added = token(account, TokenExpiry::Never);
            store.add_token(added).await
        });
        scene.end_wait(function);
        let early = timeout(Duration::from_secs(1), &mut add).await;
        assert!(early.is_err(), "{function}: no standby has it");
        scene.wait_for("").await;
        add.await.unwrap().unwrap();

        scene.wait_for("absent").await;
        let store = Arc::clone(&scene.store);
        let mut revoke =
            tokio::spawn(async move { store.revoke(account, TokenKind::Access).await });
        scene.end_wait(function);
        let early = timeout(Duration::from_secs(1), &mut revoke).await;
        assert!(early.is_err(), "{function}: no standby has it");
        scene.wait_for("").await;
        revoke.await.unwrap().unwrap();
    }
}

/// The look-up waits for the standby, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_has_an_unknown_outcome_if_its_look_up_is_not_confirmed_either() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let (store, grant) = (Arc::clone(&scene.store), scene.grant);
    let create = tokio::spawn(async move { store.create_secret(write(grant, "a")).await });
    scene.end_wait("pg_cancel_backend");
    let start = Instant::now();
    while !create.is_finished() && start.elapsed() < Duration::from_secs(20) {
        sleep(Duration::from_millis(200)).await;
    }
    let created = create.await.unwrap();
    assert!(
        matches!(created, Err(StoreError::OutcomeUnknown(_))),
        "{created:?}"
    );
    scene.wait_for("").await;
}

/// More writes wait than a node has connections, which the probe does not need.
#[tokio::test(flavor = "multi_thread")]
async fn writes_are_refused_while_commits_wait_in_vain() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let (store, grant) = (&scene.store, scene.grant);
    let state = async || store.probe().await.unwrap().replication.unwrap();
    let stuck = state().await;
    assert!(matches!(stuck, Replication::Stuck(_)), "{stuck:?}");
    let mut waiting = tokio::task::JoinSet::new();
    for n in 0..40 {
        let store = Arc::clone(store);
        let create = async move { store.create_secret(write(grant, &format!("key_{n}"))).await };
        waiting.spawn(create);
    }
    sleep(Duration::from_secs(5)).await;
    let stuck = timeout(Duration::from_secs(2), state()).await.unwrap();
    assert!(format!("{stuck:?}").contains("waits: true"), "{stuck:?}");
    let start = Instant::now();
    let refused = store.create_secret(write(grant, "a")).await;
    assert_eq!(refused.err(), Some(StoreError::NoStandby));
    let added = store.add_token(token(AccountId(generate_id().unwrap()), TokenExpiry::Never));
    assert_eq!(added.await, Err(StoreError::NoStandby));
    assert!(start.elapsed() < Duration::from_secs(1), "at once");

    let node = Arc::clone(store);
    let probes = tokio::spawn(async move {
        loop {
            node.probe().await.unwrap();
            sleep(Duration::from_secs(1)).await;
        }
    });
    while let Some(created) = waiting.join_next().await {
        match created.unwrap().unwrap_err() {
            // The others have all connections but that of the probe.
            StoreError::Busy => {}
            StoreError::Unconfirmed => {
                store.list_version(grant.tenant).await.unwrap();
            }
            error => panic!("{error}"),
        }
    }
    probes.abort();
    scene.wait_for("").await;
    assert_eq!(state().await, Replication::Off);
    store
        .create_secret(write(grant, "a"))
        .await
        .unwrap()
        .unwrap();
}

/// More writes wait than a node has connections, and no probe has seen that.
#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_leave_connections_for_reads() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let (store, grant) = (&scene.store, scene.grant);
    let mut writes = tokio::task::JoinSet::new();
    for n in 0..60 {
        let store = Arc::clone(store);
        let create = async move { store.create_secret(write(grant, &format!("key_{n}"))).await };
        writes.spawn(create);
    }
    sleep(Duration::from_millis(500)).await;
    let mut reads = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let store = Arc::clone(store);
        reads.spawn(async move {
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(7) {
                let before = Instant::now();
                assert!(store.principal(&grant.token).await.unwrap().is_some());
                assert!(before.elapsed() < Duration::from_secs(3));
                sleep(Duration::from_millis(50)).await;
            }
        });
    }
    reads.join_all().await;
    scene.wait_for("").await;
    writes.join_all().await;
}

/// Another program receives the write-ahead log. A role without rights does not see that it is no synchronous standby.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_rights_sees_its_own_commits_wait() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let _other = scene.server.standby();
    scene.server.execute(
        "CREATE ROLE vault LOGIN PASSWORD 'secret'; \
         GRANT ALL ON ALL TABLES IN SCHEMA public TO vault; SET synchronous_commit = local",
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    crate::private_files::write(&file, b"secret").unwrap();
    let url = format!(
        "postgres://vault@127.0.0.1:{}/postgres?password_file={}",
        scene.server.port(),
        file.display()
    );
    let (store, grant) = (
        Store::open(&url.parse().unwrap()).await.unwrap(),
        scene.grant,
    );
    let store = Arc::new(store);
    let state = async || store.probe().await.unwrap().replication.unwrap();
    assert_eq!(state().await, Replication::On, "it cannot know better");
    scene
        .server
        .execute("SET synchronous_commit = local; GRANT pg_read_all_stats TO vault");
    assert!(matches!(state().await, Replication::Stuck(_)));
    scene
        .server
        .execute("SET synchronous_commit = local; REVOKE pg_read_all_stats FROM vault");
    let other = Arc::clone(&store);
    let created = tokio::spawn(async move { other.create_secret(write(grant, "a")).await });
    sleep(Duration::from_secs(4)).await;
    assert!(matches!(state().await, Replication::Stuck(_)));
    scene.wait_for("").await;
    created.await.unwrap().unwrap().unwrap();
}
