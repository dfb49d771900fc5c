//! The end of old epochs: each by its own commit, and a deleted secret at once.

use super::*;
use crate::store::rotation::GRACE;

impl Scene {
    /// Replaces the org key, and follows it.
    async fn rotate(&mut self, id: i64, to_epoch: i64) {
        let grant = self.world.grant();
        self.begin_as(grant, id, to_epoch, LEASE).await.unwrap();
        self.stage_all(id).await;
        let commitment = self.commitment(id);
        let entry = commitment.entry.clone();
        self.store().act(commitment).await.unwrap();
        self.chain.append(&entry).unwrap();
        self.world.tenant.key_epoch = KeyEpoch(to_epoch);
    }

    /// Moves the commit of a rotation into the past, so that its old epoch is due.
    async fn age(&self, id: i64) {
        let grace = i64::try_from(GRACE.as_micros()).unwrap();
        let age = Statement::new("UPDATE rotations SET ended_at = ended_at - $1 WHERE id = $2");
        self.run(vec![age.bind(grace).bind(id)]).await;
        sleep(Duration::from_millis(5)).await;
    }

    async fn names(&self, epoch: i64) -> Vec<String> {
        let stored = self.stored(epoch).await.into_iter();
        stored.map(|secret| secret.key).collect()
    }

    /// Makes another organization with a secret of this name.
    async fn neighbours(&self, name: &str) -> Tenant {
        let account = account(OrganizationId(generate_id().unwrap()));
        let token = token(account.id, TokenExpiry::Never);
        let tenant = Tenant {
            organization: account.organization,
            key_epoch: KeyEpoch::FIRST,
        };
        let grant = Grant {
            token: token.hash,
            tenant,
        };
        self.store().add_tenant(account, token).await.unwrap();
        let write = SecretWrite {
            grant,
            ..self.world.write(name, "1")
        };
        self.store().create_secret(write).await.unwrap().unwrap();
        tenant
    }

    async fn has_key(&self, epoch: i64) -> bool {
        let key = self
            .store()
            .encrypted_org_key(self.world.account, KeyEpoch(epoch));
        key.await.unwrap().is_some()
    }
}

/// A later rotation does not delay the end of an earlier key.
#[tokio::test]
async fn each_old_epoch_ends_after_its_own_time() {
    for mut scene in scenes().await {
        scene.world.create("a", "1").await;
        scene.rotate(7, 2).await;
        scene.rotate(8, 3).await;
        scene.store().sweep().await.unwrap();
        for epoch in 1..=3 {
            assert_eq!(scene.names(epoch).await, ["a"], "{epoch}");
            assert!(scene.has_key(epoch).await, "{epoch}");
        }
        for (rotation, last) in [(7, 1), (8, 2)] {
            scene.age(rotation).await;
            scene.store().sweep().await.unwrap();
            for epoch in 1..=3 {
                assert_eq!(scene.names(epoch).await.len() == 1, epoch > last, "{epoch}");
                assert_eq!(scene.has_key(epoch).await, epoch > last, "{epoch}");
            }
        }
        assert_eq!(scene.read("a").await, read_as("new a", 3));
    }
}

/// The time counts from the commit, not from the end of another rotation to the same epoch.
#[tokio::test]
async fn a_rotation_that_was_given_up_ends_no_epoch() {
    for mut scene in scenes().await {
        scene.world.create("a", "1").await;
        scene.begin(6).await.unwrap();
        let grant = scene.world.grant();
        let abandon = AbandonRotationAct { grant, id: 6 };
        scene.store().act(abandon).await.unwrap();
        scene.rotate(7, 2).await;
        scene.age(6).await;
        scene.store().sweep().await.unwrap();
        assert_eq!(scene.names(1).await, ["a"]);
    }
}

#[tokio::test]
async fn a_deleted_secret_is_deleted_in_every_epoch() {
    for mut scene in scenes().await {
        for name in ["a", "b"] {
            scene.world.create(name, "1").await;
        }
        let neighbours = scene.neighbours("a").await;
        let wrong = scene.world.create("c", "1").await;
        scene.rotate(7, 2).await;
        let reader = scene.world.grant();
        scene.begin_as(reader, 8, 3, LEASE).await.unwrap();
        scene.stage_all(8).await;
        let (grant, a) = (scene.world.grant(), key("a"));
        let kept = scene
            .store()
            .delete_secret(grant, a.clone(), Some(vec![wrong]), None)
            .await;
        assert!(matches!(kept, Ok(Conditional::OtherVersion)));
        for epoch in 1..=3 {
            assert_eq!(scene.names(epoch).await, ["a", "b", "c"], "{epoch}");
        }
        let deleted = scene
            .store()
            .delete_secret(grant, a.clone(), None, None)
            .await;
        assert!(matches!(deleted, Ok(Conditional::Done(()))));
        for epoch in 1..=3 {
            assert_eq!(scene.names(epoch).await, ["b", "c"], "{epoch}");
        }
        assert_eq!(scene.read("a").await, None);
        let again = scene
            .store()
            .delete_secret(grant, a.clone(), None, None)
            .await;
        assert!(matches!(again, Ok(Conditional::NoSecret)));
        let neighbours = scene.store().stored_secrets(neighbours).await;
        assert_eq!(neighbours.unwrap().len(), 1);

        // The rotation continues, also with a new secret of that name.
        scene.world.create("a", "again").await;
        assert_eq!(scene.unstaged(8).await, ["a"]);
        scene.stage_all(8).await;
        scene.commit(8).await.unwrap();
        assert_eq!(scene.names(3).await, ["a", "b", "c"]);
    }
}

/// On PostgreSQL a staging that is in flight during a delete can still add its row.
#[tokio::test]
async fn a_row_that_was_staged_for_a_deleted_secret_ends_with_the_rotation() {
    for scene in scenes().await {
        for name in ["a", "b"] {
            scene.world.create(name, "1").await;
        }
        scene.begin(7).await.unwrap();
        scene.stage_all(7).await;
        let (grant, a) = (scene.world.grant(), key("a"));
        let deleted = scene
            .store()
            .delete_secret(grant, a.clone(), None, None)
            .await;
        assert!(matches!(deleted, Ok(Conditional::Done(()))));
        let late = Statement::new(
            "INSERT INTO secrets (organization, key_epoch, key, version, write_id, based_on, created_at, updated_at, \
             expires_at, nonce, value) SELECT organization, key_epoch, 'a', version, write_id, based_on, created_at, \
             updated_at, expires_at, nonce, value FROM secrets WHERE organization = $1 AND key_epoch = 2 AND key = 'b'",
        );
        let organization = scene.world.tenant.organization;
        scene.run(vec![late.bind(organization.0)]).await;
        assert_eq!(scene.names(2).await, ["a", "b"]);
        assert_eq!(scene.read("a").await, None);
        assert_eq!(scene.unstaged(7).await, [""; 0]);
        scene.commit(7).await.unwrap();
        assert_eq!(scene.names(2).await, ["b"]);
        assert_eq!(scene.read("a").await, None);
    }
}
