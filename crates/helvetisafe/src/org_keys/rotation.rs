use std::fmt;
use std::sync::Arc;

use helvetisafe_crypto::Fingerprint;

/// The policy for an org key that changes while a client is connected; for
/// [`ClientBuilder::org_key_rotation`](crate::ClientBuilder::org_key_rotation).
///
/// An honest vault rotates the org key of an organization now and then. A hostile one hands out a key
/// that it knows, to read what is sealed under it. The client cannot distinguish the two, so it
/// refuses the other key by default.
///
/// ```no_run
/// use helvetisafe::{Client, OrgKeyRotation};
///
/// let client = Client::builder_from_env()?
///     .org_key_rotation(OrgKeyRotation::ask(|change| {
///         eprintln!("the org key changed from {} to {}", change.accepted(), change.offered());
///         std::fs::read_to_string("/etc/app/org-key").is_ok_and(|trusted| {
///             trusted.trim() == change.offered().to_string()
///         })
///     }))
///     .connect()?;
/// # Ok::<(), helvetisafe::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct OrgKeyRotation(Policy);

#[derive(Clone, Default)]
enum Policy {
    #[default]
    Refuse,
    FollowForReading,
    Ask(Arc<Ask>),
}

pub(crate) type Ask = dyn Fn(&OrgKeyChange) -> bool + Send + Sync;

impl OrgKeyRotation {
    /// Refuses another org key: it opens nothing and seals nothing. The default.
    #[must_use]
    pub fn refuse() -> Self {
        Self(Policy::Refuse)
    }

    /// Opens secrets under another org key, and goes on sealing under the one that `connect`
    /// accepted. The vault then chooses what is read, but reads nothing that is written. What opened
    /// under another org key is not sealed again: `copy` and `set_field` refuse it.
    #[must_use]
    pub fn follow_for_reading() -> Self {
        Self(Policy::FollowForReading)
    }

    /// Calls `confirm` with both fingerprints. Where it returns `true` the other org key takes the
    /// place of the old one, for opening and for sealing; where it returns `false` it is refused.
    ///
    /// It is called each time that a secret does not open and the vault's key is not the client's, from
    /// several threads at once. The asynchronous client calls it where it may block.
    #[must_use]
    pub fn ask(confirm: impl Fn(&OrgKeyChange) -> bool + Send + Sync + 'static) -> Self {
        Self(Policy::Ask(Arc::new(confirm)))
    }

    pub(super) fn follows(&self) -> bool {
        matches!(self.0, Policy::FollowForReading)
    }

    pub(super) fn judge(&self, change: OrgKeyChange) -> Verdict {
        match &self.0 {
            Policy::Refuse => Verdict::Refuse,
            Policy::FollowForReading => Verdict::Follow,
            Policy::Ask(confirm) => Verdict::Ask(Arc::clone(confirm), change),
        }
    }
}

impl fmt::Debug for OrgKeyRotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Policy::Refuse => "OrgKeyRotation::refuse",
            Policy::FollowForReading => "OrgKeyRotation::follow_for_reading",
            Policy::Ask(_) => "OrgKeyRotation::ask",
        })
    }
}

/// An org key that the vault offers in place of the accepted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrgKeyChange {
    pub(super) accepted: Fingerprint,
    pub(super) offered: Fingerprint,
}

impl OrgKeyChange {
    /// The fingerprint of the org key that the client uses.
    #[must_use]
    pub fn accepted(&self) -> Fingerprint {
        self.accepted
    }

    /// The fingerprint of the org key that the vault gives now.
    #[must_use]
    pub fn offered(&self) -> Fingerprint {
        self.offered
    }
}

/// The decision about another org key.
pub(crate) enum Verdict {
    Refuse,
    /// It opens, and does not seal.
    Follow,
    Confirm,
    /// The application decides, which may take a while.
    Ask(Arc<Ask>, OrgKeyChange),
}
