//! The seals of the audit record: every change of a sealed record is found.

use super::*;
use crate::store::act::{Act, Context, Lock, Record, Statement};
use crate::store::{AccountReads, Checked, check_audit};

/// A statement of an attacker who has the database.
struct Attack(OrganizationId, &'static str);

impl Act for Attack {
    type Outcome = ();

    fn lock(&self) -> Lock {
        Lock::Seals(self.0)
    }

    fn queries(&self, _: Moment) -> Vec<Statement> {
        Vec::new()
    }

    fn decide(&self, _: Context, _: &[Vec<Record>]) -> Result<(Vec<Statement>, ()), ActError> {
        Ok((vec![Statement::new(self.1).bind(self.0.0)], ()))
    }
}

/// Calls the test with a file and, if there is one, with PostgreSQL.
async fn each<F: Future<Output = ()>>(test: impl Fn(Database, Store) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let file = Database::file(folder.path().join("vault.db"));
    test(file.clone(), open(&file).await).await;
    if let Some(server) = helvetisafe_test_postgres::database() {
        let database: Database = server.url().parse().unwrap();
        test(database.clone(), open(&database).await).await;
    }
}

fn organization() -> OrganizationId {
    OrganizationId(generate_id().unwrap())
}

/// Records reads, `count` of them for each of two names.
async fn record(store: &Store, organization: OrganizationId, count: u64) {
    let reads = AccountReads {
        account: AccountId(7),
        names: vec![(key("FIRST"), count), (key("SECOND"), 1)],
    };
    store.record_reads(organization, &[reads]).await.unwrap();
}

/// Makes a record with three seals of two acts each, and one act without a seal.
async fn sealed(store: &Store) -> OrganizationId {
    let organization = organization();
    for _ in 0..3 {
        record(store, organization, 1).await;
        record(store, organization, 3).await;
        store.seal_audit().await.unwrap();
    }
    record(store, organization, 1).await;
    organization
}

async fn checked(database: &Database, organization: OrganizationId) -> Checked {
    let checked = check_audit(database).await.unwrap();
    let found = checked
        .into_iter()
        .find(|it| it.organization == organization);
    found.unwrap()
}

#[tokio::test]
async fn a_record_that_was_not_changed_is_intact() {
    each(|database, store| async move {
        let organization = sealed(&store).await;
        let record = checked(&database, organization).await;
        assert_eq!(record.problems, [] as [String; 0]);
        assert_eq!(
            (record.acts, record.unsealed, record.seals.len()),
            (6, 1, 3)
        );
        // The earlier seals stay.
        store.seal_audit().await.unwrap();
        let later = checked(&database, organization).await;
        assert_eq!((later.acts, later.unsealed), (7, 0));
        assert_eq!(later.seals[..3], record.seals);
        let acts = store.audit(organization, None, 100).await.unwrap();
        let details: Vec<_> = acts.iter().filter_map(|it| it.detail.as_deref()).collect();
        assert!(details.contains(&"FIRST (3), SECOND"), "{details:?}");
        assert!(acts.iter().all(|it| it.act == "secrets.read"));
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn every_change_of_a_sealed_record_is_found() {
    const ATTACKS: [(&str, &str); 8] = [
        (
            "UPDATE audit SET detail = 'OTHER' WHERE organization = $1 AND seal = 2",
            "seal 2 is not that of its 2 acts",
        ),
        (
            "UPDATE audit SET actor = 8 WHERE organization = $1 AND seal = 3",
            "seal 3 is not that of its 2 acts",
        ),
        (
            "DELETE FROM audit WHERE organization = $1 AND seal = 1",
            "seal 1 covers 2 acts, and the record has 0",
        ),
        (
            "UPDATE audit SET seal = NULL WHERE organization = $1 AND seal = 2",
            "seal 2 covers 2 acts, and the record has 0",
        ),
        (
            "UPDATE audit SET seal = 2 WHERE organization = $1 AND seal IS NULL",
            "seal 2 covers 2 acts, and the record has 3",
        ),
        (
            "DELETE FROM audit_seals WHERE organization = $1 AND number = 2",
            "the seals from 2 to 2 were removed",
        ),
        (
            "DELETE FROM audit_seals WHERE organization = $1 AND number = 3",
            "2 acts have a seal that does not exist",
        ),
        (
            "UPDATE audit_seals SET sealed_at = sealed_at + 1 WHERE organization = $1 AND number = 2",
            "seal 2 is not that of its 2 acts",
        ),
    ];
    each(|database, store| async move {
        for (attack, problem) in ATTACKS {
            let organization = sealed(&store).await;
            store.act(Attack(organization, attack)).await.unwrap();
            let record = checked(&database, organization).await;
            let is_found = record.problems.iter().any(|it| it.contains(problem));
            assert!(is_found, "{attack}: {:?}", record.problems);
        }
        store.close().await;
    })
    .await;
}

/// Several nodes seal at once, while others record.
#[tokio::test]
async fn concurrent_seals_cover_each_act_once() {
    each(|database, store| async move {
        let organization = organization();
        let work = || async {
            for _ in 0..5 {
                record(&store, organization, 1).await;
                store.seal_audit().await.unwrap();
            }
        };
        tokio::join!(work(), work(), work(), work(), work(), work());
        store.seal_audit().await.unwrap();
        let record = checked(&database, organization).await;
        assert_eq!(record.problems, [] as [String; 0]);
        assert_eq!((record.acts, record.unsealed), (30, 0));
        store.close().await;
    })
    .await;
}
