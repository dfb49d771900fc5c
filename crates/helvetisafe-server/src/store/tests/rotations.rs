//! Rotations of the org key, from the statements up. The signatures are checked before, with the call.

mod hold;
mod old_epochs;

use std::collections::BTreeMap;
use std::time::Duration;

use helvetisafe_crypto::organization::{Anchor, Chain, Entry, PublicKeyInfo, SigningKey};
use helvetisafe_crypto::{OrgKey, PrivateKey};
use helvetisafe_proto::endpoint::organization::RotationState;
use helvetisafe_proto::{ErrorCode, Hex};
use jiff::Timestamp;
use tokio::time::sleep;

use super::*;
use crate::store::act::{Context, Lock};

const LEASE: Duration = Duration::from_secs(60);
const ALL: Most = Most {
    secrets: 100,
    bytes: 1_000_000,
};

/// Statements without a condition.
struct Raw(OrganizationId, Vec<Statement>);

impl Act for Raw {
    type Outcome = ();

    fn lock(&self) -> Lock {
        Lock::Organization(self.0)
    }

    fn queries(&self, _: Moment) -> Vec<Statement> {
        Vec::new()
    }

    fn decide(&self, _: Context, _: &[Vec<Record>]) -> Result<(Vec<Statement>, ()), ActError> {
        Ok((self.1.clone(), ()))
    }
}

/// A world whose account is the only administrator of a chain.
struct Scene {
    world: World,
    key: SigningKey,
    chain: Chain,
}

impl Scene {
    async fn new(world: World) -> Self {
        let pem = include_str!("../../../tests/data/private-key.pem");
        let public_key = PrivateKey::from_pem(pem).unwrap().public_key();
        let public_key = PublicKeyInfo::try_from(&public_key).unwrap();
        let key = SigningKey::generate().unwrap();
        let organization = world.tenant.organization;
        let name = Hex::from(organization).to_string();
        let fingerprint = OrgKey::generate().unwrap().fingerprint();
        let account = &world.client_id;
        let genesis = Chain::found(&name, 1, &fingerprint, account, "ada", &public_key, &key);
        let anchor = Anchor::Head(genesis.head());
        let chain = Chain::follow(&name, &anchor, std::slice::from_ref(&genesis)).unwrap();
        let scene = Self { world, key, chain };
        let verification_key = scene.key.verification_key();
        let statements = vec![
            ChainEntry::from(&genesis).insert(organization),
            Statement::new("UPDATE accounts SET verification_key = $1 WHERE id = $2")
                .bind(&verification_key.as_bytes()[..])
                .bind(scene.world.account.0),
        ];
        scene.run(statements).await;
        scene
    }

    async fn run(&self, statements: Vec<Statement>) {
        let raw = Raw(self.world.tenant.organization, statements);
        self.world.store.act(raw).await.unwrap();
    }

    fn store(&self) -> &Store {
        &self.world.store
    }

    async fn begin(&self, id: i64) -> Result<RotationState, ActError> {
        self.begin_as(self.world.grant(), id, 2, LEASE).await
    }

    async fn begin_as(
        &self,
        grant: Grant,
        id: i64,
        to_epoch: i64,
        lease: Duration,
    ) -> Result<RotationState, ActError> {
        let act = BeginRotationAct {
            grant,
            id,
            to_epoch: KeyEpoch(to_epoch),
            lease,
        };
        self.store().act(act).await
    }

    /// Returns the names of the secrets that are not staged.
    async fn unstaged(&self, id: i64) -> Vec<String> {
        let organization = self.world.tenant.organization;
        let unstaged = self.store().unstaged(organization, id, ALL).await.unwrap();
        assert_eq!(unstaged.count, unstaged.secrets.len() as u64);
        let names = unstaged.secrets.into_iter();
        names.map(|secret| secret.key.to_string()).collect()
    }

    /// Stages a name based on a version.
    async fn stage(&self, id: i64, name: &str, based_on: SecretVersion) -> Staged {
        let secrets = vec![StagedRow {
            key: key(name),
            based_on,
            ciphertext: Ciphertext {
                value: format!("new {name}"),
                nonce: "m".to_owned(),
            },
        }];
        let staging = self.staging(id, secrets);
        self.store().stage(staging).await.unwrap()
    }

    fn staging(&self, rotation: i64, secrets: Vec<StagedRow>) -> Staging {
        Staging {
            credential: self.world.token,
            rotation,
            lease: LEASE,
            hold: false,
            secrets,
        }
    }

    /// Stages everything.
    async fn stage_all(&self, id: i64) {
        let organization = self.world.tenant.organization;
        let unstaged = self.store().unstaged(organization, id, ALL).await.unwrap();
        for secret in unstaged.secrets {
            let version = SecretVersion::parse(secret.version.as_str()).unwrap();
            let staged = self.stage(id, secret.key.as_str(), version).await;
            assert_eq!(staged, Staged::Done);
        }
        assert_eq!(self.unstaged(id).await, [] as [String; 0]);
    }

    fn entry(&self) -> Entry {
        let fingerprint = OrgKey::generate().unwrap().fingerprint();
        self.chain.rotate(&fingerprint, &self.key).unwrap()
    }

    fn commitment(&self, id: i64) -> CommitRotationAct {
        let wrap = (self.world.client_id.clone(), "rewrapped".to_owned());
        CommitRotationAct {
            grant: self.world.grant(),
            id,
            entry: self.entry(),
            checked: Ok(()),
            wraps: BTreeMap::from([wrap]),
            invitations: BTreeMap::new(),
        }
    }

    async fn commit(&self, id: i64) -> Result<KeyEpoch, ActError> {
        self.store().act(self.commitment(id)).await
    }

    /// Returns the value that a read finds, and the epoch of the answer.
    async fn read(&self, name: &str) -> Option<(String, Option<u64>)> {
        let found = self.store().read_secret(&self.world.token, Some(key(name)));
        let (_, record) = found.await.unwrap().unwrap();
        record.map(|record| (record.value, record.key_epoch))
    }

    async fn stored(&self, epoch: i64) -> Vec<StoredSecret> {
        let tenant = Tenant {
            key_epoch: KeyEpoch(epoch),
            ..self.world.tenant
        };
        self.store().stored_secrets(tenant).await.unwrap()
    }

    async fn acts(&self) -> Vec<String> {
        let organization = self.world.tenant.organization;
        let acts = self.store().audit(organization, None, 100).await.unwrap();
        acts.into_iter().map(|act| act.act).collect()
    }
}

async fn scenes() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for world in worlds().await {
        scenes.push(Scene::new(world).await);
    }
    scenes
}

fn refused<T>(outcome: Result<T, ActError>) -> Option<ErrorCode> {
    match outcome {
        Err(ActError::Refused(code)) => Some(code),
        _ => None,
    }
}

fn read_as(value: &str, epoch: u64) -> Option<(String, Option<u64>)> {
    Some((value.to_owned(), Some(epoch)))
}

#[tokio::test]
async fn a_commit_replaces_every_secret_at_once() {
    for scene in scenes().await {
        let (store, tenant) = (scene.store(), scene.world.tenant);
        scene.world.create("a", "1").await;
        let expiry = Timestamp::now() + Duration::from_secs(600);
        let write = SecretWrite {
            expiry: Expiry::At(expiry),
            ..scene.world.write("b", "2")
        };
        store.create_secret(write).await.unwrap().unwrap();
        let before = scene.stored(1).await;
        let (version, _) = store.list_version(tenant).await.unwrap();

        let begun = scene.begin(7).await.unwrap();
        assert_eq!(
            (begun.to_epoch, &begun.started_by),
            (2, &scene.world.client_id)
        );
        assert_eq!(scene.unstaged(7).await, ["a", "b"]);
        assert_eq!(
            refused(scene.commit(7).await),
            Some(ErrorCode::SecretsUnstaged)
        );
        scene.stage_all(7).await;
        assert_eq!(scene.read("a").await, read_as("1", 1));
        assert_eq!(store.list_version(tenant).await.unwrap().0, version);

        assert_eq!(scene.commit(7).await.unwrap(), KeyEpoch(2));
        assert_eq!(scene.read("a").await, read_as("new a", 2));
        assert_eq!(scene.read("b").await, read_as("new b", 2));
        assert_ne!(store.list_version(tenant).await.unwrap().0, version);
        let after = scene.stored(2).await;
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before.key, after.key);
            assert_ne!(before.version, after.version);
            let dates = |it: &StoredSecret| (it.created_at, it.updated_at, it.expires_at);
            assert_eq!(dates(before), dates(after));
        }
        assert_eq!(after.len(), 2);
        let wrap = store.encrypted_org_key(scene.world.account, KeyEpoch(2));
        assert_eq!(wrap.await.unwrap().as_deref(), Some("rewrapped"));
        let late = store.update_secret(scene.world.write("a", "old")).await;
        assert_eq!(late.err(), Some(StoreError::OtherEpoch));
        assert_eq!(store.rotation(tenant.organization).await.unwrap(), None);
        assert_eq!(scene.acts().await, ["rotation.commit", "rotation.begin"]);
    }
}

#[tokio::test]
async fn a_secret_that_changes_after_it_was_staged_is_staged_again() {
    for scene in scenes().await {
        let store = scene.store();
        let stale = scene.world.create("a", "1").await;
        scene.world.create("deleted", "1").await;
        scene.begin(7).await.unwrap();
        scene.stage_all(7).await;
        let updated = store.update_secret(scene.world.write("a", "2")).await;
        assert!(matches!(updated.unwrap(), Conditional::Done(_)));
        scene.world.create("created", "1").await;
        let deleted = store.delete_secret(scene.world.grant(), key("deleted"), None, None);
        assert_eq!(deleted.await.unwrap(), Conditional::Done(()));
        assert_eq!(scene.unstaged(7).await, ["a", "created"]);
        assert_eq!(
            refused(scene.commit(7).await),
            Some(ErrorCode::SecretsUnstaged)
        );
        assert_eq!(
            scene.read("a").await,
            read_as("2", 1),
            "nothing has changed"
        );
        // It is based on a version that is no longer there.
        assert_eq!(scene.stage(7, "a", stale).await, Staged::Done);
        assert_eq!(scene.unstaged(7).await, ["a", "created"]);
        scene.stage_all(7).await;
        scene.commit(7).await.unwrap();
        assert_eq!(scene.read("a").await, read_as("new a", 2));
        assert_eq!(scene.read("deleted").await, None);
        let names: Vec<_> = scene.stored(2).await.into_iter().map(|it| it.key).collect();
        assert_eq!(names, ["a", "created"]);
    }
}

#[tokio::test]
async fn a_commit_wraps_for_the_active_accounts_and_no_others() {
    for scene in scenes().await {
        let other = account(scene.world.tenant.organization);
        let (id, client_id) = (other.id, other.client_id.clone());
        scene.store().add_account(other).await.unwrap();
        scene.begin(7).await.unwrap();
        let with = |wraps: &[&str]| {
            let wraps = wraps
                .iter()
                .map(|name| ((*name).to_owned(), "wrap".to_owned()));
            CommitRotationAct {
                wraps: wraps.collect(),
                ..scene.commitment(7)
            }
        };
        let own = scene.world.client_id.as_str();
        for wraps in [&[own][..], &[&client_id], &[own, &client_id, "hs_client_x"]] {
            let outcome = scene.store().act(with(wraps)).await;
            assert_eq!(
                refused(outcome),
                Some(ErrorCode::MembersChanged),
                "{wraps:?}"
            );
        }
        let invitations = CommitRotationAct {
            invitations: BTreeMap::from([(
                [0; 32],
                Resealed {
                    key_epoch: KeyEpoch(2),
                    nonce: String::new(),
                    sealed: String::new(),
                    signature: Vec::new(),
                },
            )]),
            ..with(&[own, &client_id])
        };
        let outcome = scene.store().act(invitations).await;
        assert_eq!(refused(outcome), Some(ErrorCode::MembersChanged));
        let disable = Statement::new("UPDATE accounts SET status = 'disabled' WHERE id = $1");
        scene.run(vec![disable.bind(id.0)]).await;
        let outcome = scene.store().act(with(&[own, &client_id])).await;
        assert_eq!(refused(outcome), Some(ErrorCode::MembersChanged));
        assert_eq!(scene.store().act(with(&[own])).await.unwrap(), KeyEpoch(2));
    }
}

#[tokio::test]
async fn a_rotation_excludes_others_until_its_lease_ends() {
    for scene in scenes().await {
        let other = account(scene.world.tenant.organization);
        let theirs = token(other.id, TokenExpiry::Never);
        let grant = Grant {
            token: theirs.hash,
            ..scene.world.grant()
        };
        scene.store().add_account(other).await.unwrap();
        scene.store().add_token(theirs).await.unwrap();
        scene.world.create("a", "1").await;
        let short = Duration::from_millis(300);
        let own = scene.world.grant();
        scene.begin_as(own, 7, 2, LEASE).await.unwrap();
        for id in [7, 8] {
            let refusal = refused(scene.begin_as(grant, id, 2, LEASE).await);
            assert_eq!(refusal, Some(ErrorCode::RotationInProgress));
        }
        assert_eq!(
            refused(scene.begin(8).await),
            Some(ErrorCode::RotationInProgress)
        );
        // The same begin sets the lease anew, and staging extends it.
        scene.begin_as(own, 7, 2, short).await.unwrap();
        scene.stage_all(7).await;
        sleep(short).await;
        let refusal = refused(scene.begin_as(grant, 8, 2, LEASE).await);
        assert_eq!(refusal, Some(ErrorCode::RotationInProgress));
        scene.begin_as(own, 7, 2, short).await.unwrap();
        sleep(short + Duration::from_millis(100)).await;
        let state = scene
            .store()
            .rotation(scene.world.tenant.organization)
            .await;
        assert_eq!(state.unwrap().unwrap().id, Hex::from(7_u64.to_be_bytes()));
        scene.begin_as(grant, 8, 2, LEASE).await.unwrap();
        // Its staged rows are sealed under a key that the other account does not have.
        assert_eq!(scene.unstaged(8).await, ["a"]);
        assert_eq!(
            scene.stage(7, "a", SecretVersion(0)).await,
            Staged::NoRotation
        );
        assert_eq!(
            scene.stage(8, "a", SecretVersion(0)).await,
            Staged::OfAnother
        );
        assert_eq!(
            refused(scene.commit(7).await),
            Some(ErrorCode::RecordNotFound)
        );
        assert_eq!(
            refused(scene.commit(8).await),
            Some(ErrorCode::RotationInProgress)
        );
        assert_eq!(
            refused(scene.begin(7).await),
            Some(ErrorCode::RotationInProgress)
        );
        scene.begin_as(grant, 8, 2, short).await.unwrap();
        sleep(short).await;
        assert_eq!(refused(scene.begin(7).await), Some(ErrorCode::IdTaken));
        // The same id is taken over.
        scene.begin(8).await.unwrap();
        scene.stage_all(8).await;
        assert_eq!(scene.read("a").await, read_as("1", 1));
    }
}

#[tokio::test]
async fn an_abandoned_rotation_leaves_nothing() {
    for scene in scenes().await {
        scene.world.create("a", "1").await;
        scene.begin(7).await.unwrap();
        scene.stage_all(7).await;
        let abandon = |id| {
            let grant = scene.world.grant();
            scene.store().act(AbandonRotationAct { grant, id })
        };
        assert_eq!(refused(abandon(8).await), Some(ErrorCode::RecordNotFound));
        abandon(7).await.unwrap();
        abandon(7).await.unwrap();
        let organization = scene.world.tenant.organization;
        assert_eq!(scene.store().rotation(organization).await.unwrap(), None);
        assert_eq!(scene.read("a").await, read_as("1", 1));
        assert_eq!(scene.world.list().await, ["a"]);
        assert_eq!(
            refused(scene.commit(7).await),
            Some(ErrorCode::RecordNotFound)
        );
        // Another one begins before the rows are removed, and commits none of them.
        scene.world.create("b", "1").await;
        scene.begin(8).await.unwrap();
        assert_eq!(scene.unstaged(8).await, ["a", "b"]);
        scene.stage_all(8).await;
        scene.commit(8).await.unwrap();
        assert_eq!(refused(abandon(8).await), Some(ErrorCode::RecordNotFound));
        assert_eq!(scene.stored(2).await.len(), 2);
        assert_eq!(
            scene.acts().await[1..],
            ["rotation.begin", "rotation.abandon", "rotation.begin"]
        );
    }
}

#[tokio::test]
async fn a_repeated_commit_has_the_same_outcome() {
    for scene in scenes().await {
        scene.begin(7).await.unwrap();
        let (first, entry) = (scene.commitment(7), scene.entry());
        let again = CommitRotationAct {
            entry: first.entry.clone(),
            ..scene.commitment(7)
        };
        assert_eq!(scene.store().act(first).await.unwrap(), KeyEpoch(2));
        assert_eq!(scene.store().act(again).await.unwrap(), KeyEpoch(2));
        let other = CommitRotationAct {
            entry,
            ..scene.commitment(7)
        };
        assert_eq!(
            refused(scene.store().act(other).await),
            Some(ErrorCode::IdTaken)
        );
        assert_eq!(scene.acts().await, ["rotation.commit", "rotation.begin"]);
        assert_eq!(refused(scene.begin(7).await), Some(ErrorCode::IdTaken));
        assert_eq!(
            refused(scene.begin(8).await),
            Some(ErrorCode::KeyEpochMismatch)
        );
        let grant = scene.world.grant();
        scene.begin_as(grant, 9, 3, LEASE).await.unwrap();
    }
}

#[tokio::test]
async fn an_entry_of_another_kind_or_signer_or_position_is_refused() {
    for scene in scenes().await {
        scene.begin(7).await.unwrap();
        let other = SigningKey::generate().unwrap();
        let mut later = scene.chain.clone();
        later.append(&scene.entry()).unwrap();
        let fingerprint = OrgKey::generate().unwrap().fingerprint();
        let later = later.rotate(&fingerprint, &scene.key).unwrap();
        let with = |entry| CommitRotationAct {
            entry,
            ..scene.commitment(7)
        };
        let moved = scene.store().act(with(later)).await;
        assert_eq!(refused(moved), Some(ErrorCode::ChainMoved));
        let unchecked = CommitRotationAct {
            checked: Err(ActError::Invalid("entry")),
            ..scene.commitment(7)
        };
        let outcome = scene.store().act(unchecked).await;
        assert_eq!(outcome, Err(ActError::Invalid("entry")));
        let change = Statement::new("UPDATE accounts SET verification_key = $1 WHERE id = $2");
        let change = change.bind(&other.verification_key().as_bytes()[..]);
        scene.run(vec![change.bind(scene.world.account.0)]).await;
        assert_eq!(scene.commit(7).await, Err(ActError::Invalid("entry")));
    }
}

#[tokio::test]
async fn an_organization_without_a_chain_has_no_rotation() {
    for world in worlds().await {
        let act = BeginRotationAct {
            grant: world.grant(),
            id: 7,
            to_epoch: KeyEpoch(2),
            lease: LEASE,
        };
        assert_eq!(
            refused(world.store.act(act).await),
            Some(ErrorCode::NoChain)
        );
    }
}

#[tokio::test]
async fn a_list_of_unstaged_secrets_is_bounded() {
    for scene in scenes().await {
        for name in ["a", "b", "c"] {
            scene.world.create(name, &"x".repeat(100)).await;
        }
        scene.begin(7).await.unwrap();
        let organization = scene.world.tenant.organization;
        for (secrets, bytes, expected) in [(2, 1000, 2), (9, 200, 2), (9, 10, 1)] {
            let most = Most { secrets, bytes };
            let unstaged = scene.store().unstaged(organization, 7, most).await.unwrap();
            assert_eq!(unstaged.count, 3);
            assert_eq!(unstaged.secrets.len(), expected, "{secrets} {bytes}");
            assert_eq!(unstaged.secrets[0].key.as_str(), "a");
            assert_eq!(unstaged.secrets[0].value, "x".repeat(100));
        }
        let other = OrganizationId(organization.0 ^ 1);
        let none = scene.store().unstaged(other, 7, ALL).await.unwrap();
        assert_eq!(none.count, 0);
    }
}

#[tokio::test]
async fn the_purge_removes_old_epochs_and_leftovers_only() {
    for scene in scenes().await {
        let (store, account) = (scene.store(), scene.world.account);
        scene.world.create("a", "1").await;
        scene.begin(7).await.unwrap();
        scene.stage_all(7).await;
        store.purge(Duration::ZERO).await.unwrap();
        assert_eq!(scene.unstaged(7).await, [] as [String; 0]);
        scene.commit(7).await.unwrap();
        store.sweep().await.unwrap();
        assert_eq!(scene.stored(1).await.len(), 1, "requests may still read it");
        let first_key = async || store.encrypted_org_key(account, KeyEpoch(1)).await.unwrap();
        assert!(first_key().await.is_some());
        sleep(Duration::from_millis(5)).await;
        store.purge(Duration::ZERO).await.unwrap();
        assert_eq!(scene.stored(1).await.len(), 0);
        assert_eq!(first_key().await, None);
        assert_eq!(scene.read("a").await, read_as("new a", 2));
        assert!(
            store
                .encrypted_org_key(account, KeyEpoch(2))
                .await
                .unwrap()
                .is_some()
        );

        let grant = scene.world.grant();
        scene.begin_as(grant, 8, 3, LEASE).await.unwrap();
        scene.stage_all(8).await;
        assert_eq!(scene.stored(3).await.len(), 1);
        store
            .act(AbandonRotationAct { grant, id: 8 })
            .await
            .unwrap();
        store.purge(Duration::ZERO).await.unwrap();
        assert_eq!(scene.stored(3).await.len(), 0);
        assert_eq!(scene.stored(2).await.len(), 1);
    }
}

/// Writers that know the old key write all the time. What was acknowledged before the commit is in it, and nothing is
/// written after it.
#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_write_is_lost_in_a_commit() {
    for scene in scenes().await {
        let (scene, mut writers) = (std::sync::Arc::new(scene), Vec::new());
        scene.begin(7).await.unwrap();
        for writer in 0..3 {
            let scene = std::sync::Arc::clone(&scene);
            writers.push(tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for number in 0..25 {
                    let name = format!("w{writer}_{number}");
                    let created = scene.store().create_secret(scene.world.write(&name, "1"));
                    match created.await {
                        Ok(created) => acknowledged.push(created.unwrap().key),
                        Err(StoreError::OtherEpoch) => break,
                        Err(error) => panic!("{error}"),
                    }
                    // Ever slower, so that the commit succeeds on a busy machine too.
                    sleep(Duration::from_millis(10 * number)).await;
                }
                acknowledged
            }));
        }
        loop {
            let organization = scene.world.tenant.organization;
            let unstaged = scene.store().unstaged(organization, 7, ALL).await.unwrap();
            for secret in unstaged.secrets {
                let version = SecretVersion::parse(secret.version.as_str()).unwrap();
                scene.stage(7, secret.key.as_str(), version).await;
            }
            match scene.commit(7).await {
                Ok(_) => break,
                Err(ActError::Refused(ErrorCode::SecretsUnstaged)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        let mut acknowledged = Vec::new();
        for writer in writers {
            acknowledged.extend(writer.await.unwrap());
        }
        acknowledged.sort();
        let stored: Vec<_> = scene.stored(2).await.into_iter().map(|it| it.key).collect();
        assert_eq!(stored, acknowledged);
    }
}
