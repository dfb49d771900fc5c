//! Steps that fail, and a lease that another node has taken.

use tokio::time::timeout;

use super::super::Postgres;
use super::*;
use crate::store::schema::Step;

/// Returns the first step, which has run, and a second one.
fn steps(second: &'static str) -> [Step; 2] {
    ["", second].map(|script| Step {
        name: "test",
        script,
        needs: 1,
    })
}

async fn run(server: &Server, second: &'static str) -> Result<Vec<&'static str>, StoreError> {
    let store = Store::open(&server.url().parse().unwrap()).await.unwrap();
    store.migrate().await.unwrap();
    server.run("DELETE FROM migrations WHERE number > 1; UPDATE leases SET valid_until = 0");
    let postgres = Postgres::new(&address(server));
    let steps = steps(second);
    let run = timeout(Duration::from_secs(20), postgres.run_steps(&steps)).await;
    run.expect("it ends")
}

/// A division by zero was once the sign of a lost lease.
#[tokio::test]
async fn a_step_that_fails_is_reported() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let failed = run(&server, "SELECT 1 / 0").await;
    assert!(
        matches!(&failed, Err(StoreError::Failed(reason)) if reason.starts_with("migration 2: ")),
        "{failed:?}"
    );
}

#[tokio::test]
async fn a_step_that_always_conflicts_ends() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let step = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$";
    assert_eq!(run(&server, step).await, Err(StoreError::Busy));
}

/// Another node takes the lease when this one has just renewed it.
#[tokio::test]
async fn a_step_waits_for_the_lease_of_another_node() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let store = Store::open(&server.url().parse().unwrap()).await.unwrap();
    store.migrate().await.unwrap();
    server.run(
        "DELETE FROM migrations WHERE number > 1; UPDATE leases SET holder = 1, valid_until = 0; \
         CREATE FUNCTION take() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.holder = 2; \
         NEW.valid_until = (extract(epoch FROM clock_timestamp()) + 1) * 1000000; RETURN NEW; END $$; \
         CREATE TRIGGER take BEFORE UPDATE ON leases FOR EACH ROW WHEN (OLD.holder = 1) \
         EXECUTE FUNCTION take()",
    );
    let postgres = Postgres::new(&address(&server));
    let start = Instant::now();
    postgres
        .run_steps(&steps("CREATE TABLE made_by_step (n BIGINT)"))
        .await
        .unwrap();
    assert!(start.elapsed() > Duration::from_millis(500), "it waited");
    server.run("INSERT INTO made_by_step VALUES (1)");
}
