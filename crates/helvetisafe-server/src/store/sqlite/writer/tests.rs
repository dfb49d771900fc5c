use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn database() -> Arc<Mutex<Connection>> {
    let connection = Connection::open_in_memory().unwrap();
    let table = "CREATE TABLE numbers (n INTEGER UNIQUE) STRICT";
    connection.execute_batch(table).unwrap();
    Arc::new(Mutex::new(connection))
}

fn start(connection: &Arc<Mutex<Connection>>) -> Writer {
    let readers = Arc::new(Readers::sharing(Arc::clone(connection)));
    Writer::start(Arc::clone(connection), readers, None).unwrap()
}

fn count(connection: &Mutex<Connection>) -> i64 {
    let count = "SELECT count(*) FROM numbers";
    let held = lock(connection);
    held.query_row(count, [], |row| row.get(0)).unwrap()
}

/// The writes that arrive while the connection is in use are one transaction.
#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_share_a_transaction_and_fail_alone() {
    let connection = database();
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&commits);
    lock(&connection)
        .commit_hook(Some(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            false
        }))
        .unwrap();
    let writer = Arc::new(start(&connection));
    let held = lock(&connection);
    let tasks: Vec<_> = (0..100)
        .map(|n| {
            let writer = Arc::clone(&writer);
            tokio::spawn(async move {
                let insert = move |connection: &Batch<'_>| {
                    connection.execute("INSERT INTO numbers VALUES (?)", [n])?;
                    connection.execute("INSERT INTO numbers VALUES (?)", [n / 2 * 2 + 1000])?;
                    Ok(())
                };
                writer.write(insert).await
            })
        })
        .collect();
    // The tasks run in other threads.
    thread::sleep(std::time::Duration::from_millis(100));
    drop(held);
    let mut failures = 0;
    for task in tasks {
        failures += usize::from(task.await.unwrap().is_err());
    }
    assert_eq!(failures, 50, "the second of each pair fails");
    assert_eq!(count(&connection), 100, "with all its statements");
    // The thread may have taken the first one alone.
    assert!(commits.load(Ordering::SeqCst) <= 2);
}

/// A full database rolls back the whole transaction. The writes that fit happen.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_does_not_fit_fails_alone() {
    let connection = database();
    lock(&connection)
        .pragma_update(None, "max_page_count", 20)
        .unwrap();
    let writer = Arc::new(start(&connection));
    let held = lock(&connection);
    let tasks: Vec<_> = (0..10)
        .map(|n| {
            let writer = Arc::clone(&writer);
            tokio::spawn(async move {
                let insert = move |connection: &Batch<'_>| {
                    connection.execute("INSERT INTO numbers VALUES (?)", [n])?;
                    if n == 5 {
                        connection.execute_batch(
                            "CREATE TABLE large (b BLOB); \
                             INSERT INTO large VALUES (zeroblob(1000000))",
                        )?;
                    }
                    Ok(())
                };
                writer.write(insert).await
            })
        })
        .collect();
    // The tasks run in other threads.
    thread::sleep(std::time::Duration::from_millis(100));
    drop(held);
    for (n, task) in tasks.into_iter().enumerate() {
        let expected = if n == 5 {
            Err(StoreError::Full)
        } else {
            Ok(())
        };
        assert_eq!(task.await.unwrap(), expected, "{n}");
    }
    assert_eq!(count(&connection), 9);
}

/// The second write is in the transaction of the first, whose new version was undone.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_has_a_new_version_once_in_a_transaction_and_again_after_a_failure() {
    let connection = database();
    let writer = Arc::new(start(&connection));
    let held = lock(&connection);
    let mut tasks = Vec::new();
    for fails in [false, true, false, false] {
        let writer = Arc::clone(&writer);
        tasks.push(tokio::spawn(async move {
            let change = move |batch: &Batch<'_>| {
                let is_first = batch.change_list(OrganizationId(1));
                (!fails).then_some(is_first).ok_or(StoreError::NoParent)
            };
            writer.write(change).await
        }));
        // In this order, after the thread has taken the first.
        thread::sleep(std::time::Duration::from_millis(50));
    }
    drop(held);
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    assert_eq!(
        outcomes[1..],
        [Err(StoreError::NoParent), Ok(true), Ok(false)]
    );
}

#[tokio::test]
async fn a_closed_writer_has_done_the_writes_in_its_queue() {
    let connection = database();
    let writer = start(&connection);
    let insert = |connection: &Batch<'_>| {
        connection.execute("INSERT INTO numbers VALUES (1)", [])?;
        Ok(())
    };
    let (written, ()) = tokio::join!(writer.write(insert), writer.close());
    assert_eq!(written, Ok(()));
    assert_eq!(count(&connection), 1);
    assert_eq!(writer.write(insert).await, Err(StoreError::Busy));
}
