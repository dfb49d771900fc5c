//! The counts that a node exports as metrics.

use tokio::time::sleep;

use super::*;
use crate::store::{SqlState, StoreCounts};

/// Opens a database, and returns its counts.
async fn counted(database: &Database) -> (Store, StoreCounts) {
    let counts = StoreCounts::default();
    let store = Store::open_counted(database, counts.clone()).await.unwrap();
    store.migrate().await.unwrap();
    (store, counts)
}

fn retries(counts: &StoreCounts, sqlstate: &'static str) -> u64 {
    counts.retries.get_or_create(&SqlState { sqlstate }).get()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_counted_by_their_use() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let (store, counts) = counted(&server.url().parse().unwrap()).await;
    let Store::Postgres(postgres) = &store else {
        panic!("it is PostgreSQL");
    };
    let now = || (counts.in_use.get(), counts.idle.get(), counts.waiting.get());
    assert_eq!(now(), (0, 1, 0), "that of the migrations");
    let mut held = Vec::new();
    for _ in 0..super::super::pool::STATEMENTS {
        held.push(postgres.pool.take().await.unwrap());
    }
    assert_eq!(now(), (31, 0, 0));
    let waiting = postgres.pool.take();
    let returned = async {
        while counts.waiting.get() == 0 {
            sleep(Duration::from_millis(5)).await;
        }
        held.pop().unwrap().give_back();
    };
    let (taken, ()) = tokio::join!(waiting, returned);
    drop(taken);
    assert_eq!(now(), (30, 0, 0), "it was closed");
    held.into_iter()
        .for_each(super::super::pool::Held::give_back);
    assert_eq!(now(), (0, 30, 0));
    store.close().await;
    assert_eq!(now(), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn repetitions_are_counted_by_their_sqlstate() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    server.run(
        "CREATE FUNCTION conflict() RETURNS int LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$",
    );
    let proxy = Proxy::start(port(&server));
    let url = url(&server, &format!("127.0.0.1:{}", proxy.port));
    let (store, counts) = counted(&url).await;
    let Store::Postgres(postgres) = &store else {
        panic!("it is PostgreSQL");
    };
    let conflict = postgres.repeatable(|| sqlx::query("SELECT conflict()"));
    assert_eq!(conflict.await.unwrap_err(), StoreError::Busy);
    assert!(retries(&counts, "40001") > 9);
    let failed = postgres.repeatable(|| sqlx::query("SELECT 1 / 0")).await;
    assert!(failed.is_err());
    assert_eq!(retries(&counts, "other"), 0, "it was not repeated");
    warm_up_connection(postgres).await;
    proxy.cut(1, true);
    warm_up_connection(postgres).await;
    assert_eq!(retries(&counts, "none"), 1);
}

async fn warm_up_connection(postgres: &super::super::Postgres) {
    let statement = || sqlx::query("SELECT $1::bigint").bind(1_i64);
    postgres.repeatable(statement).await.unwrap();
}

/// Two proxies in front of one server stand for two servers.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_host_that_takes_writes_is_a_failover() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let proxies = [0; 2].map(|_| Proxy::start(port(&server)));
    let hosts = proxies
        .each_ref()
        .map(|it| format!("127.0.0.1:{}", it.port));
    // Nothing listens on the first host, whose place is no failover.
    let hosts = format!("127.0.0.1:1,{}", hosts.join(","));
    let (store, counts) = counted(&url(&server, &hosts)).await;
    store.probe().await.unwrap();
    assert_eq!(counts.failovers.get(), 0);
    proxies[0].requests.is_silent.store(true, SeqCst);
    store.probe().await.unwrap();
    assert_eq!(counts.failovers.get(), 1);
}
