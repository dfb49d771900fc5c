//! The primary is lost under load, and its synchronous standby is promoted.

use helvetisafe_test_postgres::Server as Process;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::*;
use crate::store::Replication;

/// The number of writes after which a writer has seen enough of the new primary.
const ENOUGH: usize = 50;

/// The outcomes of a writer's writes, each of a name of its own.
#[derive(Default)]
struct Seen {
    acknowledged: Vec<String>,
    refused: Vec<String>,
    unknown: usize,
    longest_outage: Duration,
}

/// Writes until it has succeeded often enough after the failover. Reads each acknowledged write at once.
async fn writer(store: Arc<Store>, grant: Grant, number: usize, is_over: Arc<AtomicBool>) -> Seen {
    let (mut seen, mut after, mut last) = (Seen::default(), 0, Instant::now());
    for n in 0.. {
        let name = format!("key_{number}_{n}");
        let started_after = is_over.load(SeqCst);
        match store.create_secret(write(grant, &name)).await {
            Ok(created) => {
                assert!(created.is_some(), "{name}");
                seen.longest_outage = seen.longest_outage.max(last.elapsed());
                last = Instant::now();
                seen.acknowledged.push(name);
                after += usize::from(started_after);
            }
            Err(StoreError::OutcomeUnknown(_)) => seen.unknown += 1,
            Err(StoreError::Busy | StoreError::Unavailable(_)) => {
                seen.refused.push(name);
                sleep(Duration::from_millis(50)).await;
            }
            Err(error) => panic!("{error}"),
        }
        if after == ENOUGH {
            break;
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_write_is_lost_with_the_primary() {
    let Some(primary) = Process::start(&[]) else {
        return;
    };
    let standby = primary.standby();
    primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'");
    primary.execute("SELECT pg_reload_conf()");
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", primary.port(), standby.port());
    let url = primary
        .url()
        .replace(&format!("127.0.0.1:{}", primary.port()), &hosts);
    // The folder of the primary goes with it.
    let password = format!("{}/password", standby.folder());
    let url = url.replace(&format!("{}/password", primary.folder()), &password);
    let grant = grant();
    let store = Arc::new(open(&url.parse().unwrap(), grant).await);
    assert_eq!(
        store.probe().await.unwrap().replication,
        Some(Replication::On)
    );

    let is_over = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for number in 0..8 {
        let (store, is_over) = (Arc::clone(&store), Arc::clone(&is_over));
        writers.spawn(writer(store, grant, number, is_over));
    }
    sleep(Duration::from_secs(1)).await;
    let promoted = tokio::task::spawn_blocking(move || {
        drop(primary);
        standby.promote();
        standby
    });
    let _standby = promoted.await.unwrap();
    is_over.store(true, SeqCst);

    let seen = writers.join_all().await;
    let stored = store.stored_secrets(grant.tenant).await.unwrap();
    let stored: std::collections::HashSet<_> = stored.into_iter().map(|row| row.key).collect();
    for seen in &seen {
        println!(
            "{} acknowledged, {} refused, {} unknown, outage {:?}",
            seen.acknowledged.len(),
            seen.refused.len(),
            seen.unknown,
            seen.longest_outage
        );
        assert!(seen.acknowledged.iter().all(|name| stored.contains(name)));
        assert!(!seen.refused.iter().any(|name| stored.contains(name)));
    }
}
