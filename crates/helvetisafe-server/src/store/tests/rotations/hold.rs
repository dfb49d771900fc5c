//! The hold of writes before a commit.

use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinHandle;

use super::*;

/// The longest hold, and a part of it.
const HOLD: Duration = Duration::from_secs(2);
const PART: Duration = Duration::from_millis(500);

type Update = JoinHandle<(Result<Conditional<()>, StoreError>, Duration)>;

impl Scene {
    async fn hold(&self, id: i64) {
        let staging = Staging {
            hold: true,
            ..self.staging(id, Vec::new())
        };
        assert_eq!(self.store().stage(staging).await, Ok(Staged::Done));
    }

    /// Begins an update, which may be held. Returns its outcome, and the time it took.
    fn update(self: &Arc<Self>, value: &'static str) -> Update {
        let scene = Arc::clone(self);
        tokio::spawn(async move {
            let start = Instant::now();
            let updated = scene.store().update_secret(scene.world.write("a", value));
            let updated = updated.await.map(|updated| match updated {
                Conditional::Done(_) => Conditional::Done(()),
                Conditional::NoSecret => Conditional::NoSecret,
                Conditional::OtherVersion => Conditional::OtherVersion,
            });
            (updated, start.elapsed())
        })
    }
}

/// Returns scenes with the secret `a` and the rotation 7.
async fn begun() -> Vec<Arc<Scene>> {
    let mut begun = Vec::new();
    for scene in scenes().await {
        scene.world.create("a", "1").await;
        scene.begin(7).await.unwrap();
        begun.push(Arc::new(scene));
    }
    begun
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_write_is_done_after_the_end_of_the_rotation() {
    for scene in begun().await {
        scene.hold(7).await;
        let update = scene.update("2");
        sleep(PART).await;
        assert!(!update.is_finished(), "it is held");
        assert_eq!(scene.read("a").await, read_as("1", 1));
        let grant = scene.world.grant();
        let abandon = AbandonRotationAct { grant, id: 7 };
        scene.store().act(abandon).await.unwrap();
        let (updated, time) = update.await.unwrap();
        assert_eq!(updated, Ok(Conditional::Done(())));
        assert!(time < HOLD, "{time:?}");
        assert_eq!(scene.read("a").await, read_as("2", 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_ends_a_hold_and_a_held_write_is_refused() {
    for scene in begun().await {
        scene.hold(7).await;
        let (create, update) = (scene.world.write("b", "1"), scene.update("2"));
        let delete = |name| {
            let grant = scene.world.grant();
            scene.store().delete_secret(grant, key(name), None, None)
        };
        let commit = async {
            sleep(PART).await;
            scene.stage_all(7).await;
            scene.commit(7).await
        };
        let create = scene.store().create_secret(create);
        let (committed, created, deleted) = tokio::join!(commit, create, delete("a"));
        assert_eq!(committed.unwrap(), KeyEpoch(2));
        assert_eq!(created.err(), Some(StoreError::OtherEpoch));
        assert_eq!(deleted.err(), Some(StoreError::OtherEpoch));
        let (updated, _) = update.await.unwrap();
        assert_eq!(updated, Err(StoreError::OtherEpoch));
        assert_eq!(scene.read("a").await, read_as("new a", 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_ends_by_its_time_and_is_not_extended() {
    for scene in begun().await {
        scene.hold(7).await;
        let update = scene.update("2");
        for _ in 0..3 {
            sleep(PART).await;
            scene.hold(7).await;
        }
        let (updated, time) = update.await.unwrap();
        assert_eq!(updated, Ok(Conditional::Done(())));
        // If it were extended, the write would have given up.
        assert!(time > HOLD - PART, "{time:?}");
        // The next one cannot follow at once.
        scene.hold(7).await;
        let (updated, time) = scene.update("3").await.unwrap();
        assert_eq!(updated, Ok(Conditional::Done(())));
        assert!(time < HOLD - PART, "{time:?}");
        sleep(HOLD).await;
        scene.hold(7).await;
        let update = scene.update("4");
        sleep(PART).await;
        assert!(!update.is_finished(), "it is held again");
    }
}

/// A clock that was set back does not hold writes for longer.
#[tokio::test]
async fn a_hold_that_began_in_the_future_holds_nothing() {
    for scene in begun().await {
        let late = Moment::now().after(HOLD + HOLD);
        let hold = Statement::new("UPDATE rotations SET held_until = $1 WHERE id = 7");
        scene.run(vec![hold.bind(late)]).await;
        let (updated, time) = scene.update("2").await.unwrap();
        assert_eq!(updated, Ok(Conditional::Done(())));
        assert!(time < HOLD - PART, "{time:?}");
    }
}

/// The hold of one node is that of all, and outlives it.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_that_of_all_nodes() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let database: Database = server.url().parse().unwrap();
    let scene = Scene::new(World::of(&database, server).await).await;
    scene.world.create("a", "1").await;
    scene.begin(7).await.unwrap();
    scene.hold(7).await;
    scene.store().close().await;
    let other = open(&database).await;
    let start = Instant::now();
    let updated = other.update_secret(scene.world.write("a", "2")).await;
    assert!(matches!(updated, Ok(Conditional::Done(_))));
    assert!(start.elapsed() > PART, "{:?}", start.elapsed());
    other.close().await;
}

/// Writers that never pause do not keep an administrative act from its lock.
#[tokio::test(flavor = "multi_thread")]
async fn an_act_gets_its_lock_while_others_write() {
    for scene in scenes().await {
        let scene = Arc::new(scene);
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..8 {
            let name = format!("w{writer}");
            scene.world.create(&name, "1").await;
            let scene = Arc::clone(&scene);
            writers.spawn(async move {
                loop {
                    let write = scene.world.write(&name, "2");
                    scene.store().update_secret(write).await.unwrap();
                }
            });
        }
        for _ in 0..5 {
            let start = Instant::now();
            scene.begin(7).await.unwrap();
            assert!(start.elapsed() < 3 * HOLD, "{:?}", start.elapsed());
        }
        writers.shutdown().await;
    }
}
