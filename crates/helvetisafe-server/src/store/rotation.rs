//! The staging of secrets for the next org key.
//!
//! A staged row of `secrets` has the next epoch, the id of its rotation as its `write_id`, and the version that it is
//! based on. No reader sees it before the commit, since readers select by the epoch of the organization. The rows of a
//! rotation that ended without a commit are never read, and the purge removes them.

use std::time::Duration;

use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::organization::{Unstaged, UnstagedAnswer};

use super::{Ciphertext, OrganizationId, SecretVersion, Store, StoreError};
use crate::token::Hash;

/// Secrets to stage.
pub(crate) struct Staging {
    /// The hash of the caller's token.
    pub(crate) credential: Hash,
    pub(crate) rotation: i64,
    /// The lease of the rotation from now on.
    pub(crate) lease: Duration,
    /// True to hold the writes of the organization.
    pub(crate) hold: bool,
    /// Each name once.
    pub(crate) secrets: Vec<StagedRow>,
}

/// A secret to stage. It is left out if its version is no longer the present one.
pub(crate) struct StagedRow {
    pub(crate) key: KeyName,
    pub(crate) based_on: SecretVersion,
    pub(crate) ciphertext: Ciphertext,
}

/// The outcome of a staging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Staged {
    Done,
    /// No rotation of this id is in progress.
    NoRotation,
    /// Another account has begun it.
    OfAnother,
}

/// The limits of a list of unstaged secrets: their number, and the bytes of their values. The first secret may be larger.
#[derive(Clone, Copy)]
pub(crate) struct Most {
    pub(crate) secrets: u32,
    pub(crate) bytes: u32,
}

/// The largest number of rows that the purge removes in a transaction.
pub(super) const PURGE: usize = 1000;

/// The time from a commit to the purge of the epoch that it replaced: longer than any request that began before the commit.
pub(super) const GRACE: Duration = Duration::from_secs(600);

impl Staging {
    /// Returns the size of all values in bytes.
    pub(super) fn size(&self) -> usize {
        let values = self.secrets.iter();
        values.map(|secret| secret.ciphertext.value.len()).sum()
    }
}

/// Returns a secret that is not staged.
pub(super) fn unstaged(
    key: String,
    version: SecretVersion,
    ciphertext: Ciphertext,
) -> Result<Unstaged, StoreError> {
    let key = KeyName::parse(key).map_err(|error| StoreError::Failed(error.to_string()))?;
    Ok(Unstaged {
        key,
        version: version.into(),
        value: ciphertext.value,
        nonce: ciphertext.nonce,
    })
}

/// The secrets that exist at the time `$now` and are not staged in their present version, as `present`. `$rotation` is
/// the id of a rotation in progress, and `$organization` that of its organization.
macro_rules! unstaged_secrets {
    ($rotation:literal, $organization:literal, $now:expr) => {
        concat!(
            " FROM rotations JOIN secrets AS present ON present.organization = rotations.organization \
             AND present.key_epoch = rotations.to_epoch - 1 WHERE rotations.id = ",
            $rotation,
            " AND rotations.organization = ",
            $organization,
            " AND rotations.ended_at IS NULL AND (present.expires_at IS NULL OR present.expires_at > ",
            $now,
            ") AND NOT EXISTS (SELECT 1 FROM secrets AS staged \
             WHERE staged.organization = present.organization AND staged.key_epoch = rotations.to_epoch \
             AND staged.key = present.key AND staged.based_on = present.version \
             AND staged.write_id = rotations.id)"
        )
    };
}
pub(super) use unstaged_secrets;

/// The organizations with the rotations that replaced an epoch not later than `$since`: each old epoch has a time of its own.
/// The join adds its rows, whose epoch `$epoch` is.
macro_rules! old_epochs {
    ($join:literal, $epoch:literal, $since:expr) => {
        concat!(
            "rotations JOIN organizations ON organizations.id = rotations.organization ",
            $join,
            " AND ",
            $epoch,
            " = rotations.to_epoch - 1 WHERE rotations.status = 'committed' AND rotations.ended_at <= ",
            $since,
            " AND ",
            $epoch,
            " < organizations.key_epoch"
        )
    };
}
pub(super) use old_epochs;

/// The secrets of old epochs.
macro_rules! old_secrets {
    ($since:expr) => {
        old_epochs!(
            "JOIN secrets ON secrets.organization = organizations.id",
            "secrets.key_epoch",
            $since
        )
    };
}
pub(super) use old_secrets;

/// The staged rows of rotations that ended without a commit.
macro_rules! leftovers {
    () => {
        "rotations JOIN organizations ON organizations.id = rotations.organization \
         JOIN secrets ON secrets.organization = organizations.id AND secrets.key_epoch = rotations.to_epoch \
         WHERE rotations.ended_at IS NOT NULL AND rotations.to_epoch > organizations.key_epoch \
         AND secrets.write_id = rotations.id"
    };
}
pub(super) use leftovers;

/// Removes the wrapped org keys of old epochs.
macro_rules! old_keys {
    ($since:expr) => {
        concat!(
            "DELETE FROM account_keys WHERE (account, key_epoch) IN \
             (SELECT account_keys.account, account_keys.key_epoch FROM ",
            old_epochs!(
                "JOIN accounts ON accounts.organization = organizations.id \
                 JOIN account_keys ON account_keys.account = accounts.id",
                "account_keys.key_epoch",
                $since
            ),
            ")"
        )
    };
}
pub(super) use old_keys;

/// Rotations of the org key. [`act`](Store::act) begins and ends them.
impl Store {
    /// Returns secrets that the rotation in progress has not staged in their present version, in the order of the bytes
    /// of their names. It takes milliseconds of its thread for each thousand secrets.
    pub(crate) async fn unstaged(
        &self,
        organization: OrganizationId,
        rotation: i64,
        most: Most,
    ) -> Result<UnstagedAnswer, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.unstaged(organization, rotation, most),
            Self::Postgres(postgres) => postgres.unstaged(organization, rotation, most).await,
        }
    }

    /// Stages secrets for the next epoch, and extends the lease of their rotation.
    pub(crate) async fn stage(&self, staging: Staging) -> Result<Staged, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.stage(staging).await,
            Self::Postgres(postgres) => postgres.stage(staging).await,
        }
    }

    /// Removes the secrets and keys of each epoch whose replacement was committed before `grace`, and the staged secrets of
    /// rotations that ended otherwise.
    pub(crate) async fn purge(&self, grace: Duration) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.purge(grace).await,
            Self::Postgres(postgres) => postgres.purge(grace).await,
        }
    }
}
