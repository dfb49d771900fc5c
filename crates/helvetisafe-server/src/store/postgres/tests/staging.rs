//! A staging and a delete of the same secret at the same time.

use super::*;
use crate::store::{Conditional, Most, SecretVersion, Staged, StagedRow, Staging};

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_during_a_staging_leaves_only_a_staged_row() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let (server, grant) = (Arc::new(server), grant());
    let store = Arc::new(open(&server.url().parse().unwrap(), grant).await);
    let created = store.create_secret(write(grant, "a")).await.unwrap();
    let version = created.unwrap().version.unwrap();
    server.run(&format!(
        "INSERT INTO rotations (id, organization, to_epoch, started_by, status, lease_until, created_at) \
         SELECT 7, organization, 2, id, 'begun', 0, 0 FROM accounts WHERE organization = {}",
        grant.tenant.organization.0
    ));
    // The staging reads the secret, and waits for the rotation.
    let locker = Arc::clone(&server);
    let lock = thread::spawn(move || {
        locker.run(
            "BEGIN; SELECT id FROM rotations WHERE id = 7 FOR UPDATE; SELECT pg_sleep(2); COMMIT",
        );
    });
    thread::sleep(Duration::from_millis(700));
    let staging = Staging {
        credential: grant.token,
        rotation: 7,
        lease: Duration::from_secs(60),
        hold: false,
        secrets: vec![StagedRow {
            key: KeyName::parse("a").unwrap(),
            based_on: SecretVersion::parse(version.as_str()).unwrap(),
            ciphertext: write(grant, "a").ciphertext,
        }],
    };
    let stager = Arc::clone(&store);
    let staged = tokio::spawn(async move { stager.stage(staging).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let deleted = store.delete_secret(grant, KeyName::parse("a").unwrap(), None, None);
    assert_eq!(deleted.await, Ok(Conditional::Done(())));
    assert_eq!(staged.await.unwrap(), Ok(Staged::Done));
    lock.join().unwrap();

    let names = async |epoch| {
        let tenant = Tenant {
            key_epoch: KeyEpoch(epoch),
            ..grant.tenant
        };
        let stored = store.stored_secrets(tenant).await.unwrap();
        let names = stored.into_iter().map(|secret| secret.key);
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(1).await, [""; 0], "no reader gets it");
    assert_eq!(names(2).await, ["a"], "until the rotation ends");
    // A new secret of that name is another one.
    store
        .create_secret(write(grant, "a"))
        .await
        .unwrap()
        .unwrap();
    let most = Most {
        secrets: 9,
        bytes: 999,
    };
    let unstaged = store.unstaged(grant.tenant.organization, 7, most).await;
    assert_eq!(unstaged.unwrap().count, 1);
}
