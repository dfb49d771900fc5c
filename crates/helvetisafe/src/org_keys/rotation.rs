use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use helvetisafe_crypto::Fingerprint;
#[cfg(feature = "organization")]
use helvetisafe_crypto::organization::Anchor;

/// The policy for an org key that changes while a client is connected; for
/// [`ClientBuilder::org_key_rotation`](crate::ClientBuilder::org_key_rotation).
///
/// An honest vault rotates the org key of an organization at times. A hostile one hands out a key that it knows,
/// to read what is encrypted under it. Without the signed chain of the organization the client cannot distinguish the
/// two, so it refuses the other key by default.
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
    #[cfg(feature = "organization")]
    FollowChain(Anchor),
}

pub(crate) type Ask = dyn Fn(&OrgKeyChange) -> bool + Send + Sync;

impl OrgKeyRotation {
    /// Refuses another org key: it decrypts nothing and encrypts nothing. The default.
    ///
    /// ```no_run
    /// use helvetisafe::{Client, OrgKeyRotation};
    ///
    /// let client = Client::builder_from_env()?.org_key_rotation(OrgKeyRotation::refuse()).connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn refuse() -> Self {
        Self(Policy::Refuse)
    }

    /// Decrypts secrets under another org key, but encrypts under the one that `connect` accepted. The vault can
    /// then choose what the client reads, but cannot read what the client writes. `copy` and `set_field` refuse
    /// a secret under another org key.
    ///
    /// ```no_run
    /// use helvetisafe::{Client, OrgKeyRotation};
    ///
    /// let client = Client::builder_from_env()?
    ///     .org_key_rotation(OrgKeyRotation::follow_for_reading())
    ///     .connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn follow_for_reading() -> Self {
        Self(Policy::FollowForReading)
    }

    /// Calls `confirm` with both fingerprints. If it returns `true`, the other org key replaces the old one; if it
    /// returns `false`, the other key is refused.
    ///
    /// A pinned key is accepted without a question, but only until `confirm` has accepted another one. From then on that key
    /// alone is accepted, and `confirm` decides about each other one, also about those of
    /// [`ClientBuilder::pin_org_keys`](crate::ClientBuilder::pin_org_keys): a former member may know them.
    ///
    /// It is called each time that a secret does not decrypt and the vault has another key, possibly from several
    /// threads at once. The asynchronous client calls it where it may block.
    ///
    /// ```no_run
    /// use helvetisafe::{Client, OrgKeyRotation};
    ///
    /// let policy = OrgKeyRotation::ask(|change| {
    ///     eprintln!("the org key changed from {} to {}", change.accepted(), change.offered());
    ///     false
    /// });
    /// let client = Client::builder_from_env()?.org_key_rotation(policy).connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn ask(confirm: impl Fn(&OrgKeyChange) -> bool + Send + Sync + 'static) -> Self {
        Self(Policy::Ask(Arc::new(confirm)))
    }

    /// Follows the signed chain of the organization from an anchor, and accepts its present org key alone: at `connect`,
    /// and when the vault has another one later. So an honest rotation needs no restart and no trust in the vault. The
    /// anchor is a verification key that was pinned, or a head that was seen before; it never comes from the vault.
    ///
    /// The old key opens nothing after a rotation, even if it is pinned: with
    /// [`ClientBuilder::pin_org_keys`](crate::ClientBuilder::pin_org_keys), the chain only has to have had one of the
    /// pinned keys too. The client continues from the newest head that it has seen:
    /// [`Client::chain_head`](crate::Client::chain_head).
    ///
    /// ```no_run
    /// use helvetisafe::organization::Anchor;
    /// use helvetisafe::{Client, OrgKeyRotation};
    ///
    /// let key = "ed25519:PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw".parse()?;
    /// let client = Client::builder_from_env()?
    ///     .org_key_rotation(OrgKeyRotation::follow_chain(Anchor::Key(key)))
    ///     .connect()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "organization")]
    #[must_use]
    pub fn follow_chain(anchor: Anchor) -> Self {
        Self(Policy::FollowChain(anchor))
    }

    /// Returns the anchor of a policy that follows the chain.
    #[cfg(feature = "organization")]
    pub(crate) fn anchor(&self) -> Option<Anchor> {
        match self.0 {
            Policy::FollowChain(anchor) => Some(anchor),
            _ => None,
        }
    }

    /// Returns true if the chain decides, and no pin.
    pub(super) fn is_chain(&self) -> bool {
        #[cfg(feature = "organization")]
        return self.anchor().is_some();
        #[cfg(not(feature = "organization"))]
        false
    }

    pub(super) fn follows(&self) -> bool {
        matches!(self.0, Policy::FollowForReading)
    }

    pub(super) fn judge(&self, change: OrgKeyChange) -> Verdict {
        match &self.0 {
            Policy::Refuse => Verdict::Refuse,
            Policy::FollowForReading => Verdict::Follow,
            Policy::Ask(confirm) => Verdict::Ask(Arc::clone(confirm), change),
            #[cfg(feature = "organization")]
            Policy::FollowChain(_) => Verdict::FollowChain,
        }
    }
}

impl fmt::Debug for OrgKeyRotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Policy::Refuse => "OrgKeyRotation::refuse",
            Policy::FollowForReading => "OrgKeyRotation::follow_for_reading",
            Policy::Ask(_) => "OrgKeyRotation::ask",
            #[cfg(feature = "organization")]
            Policy::FollowChain(_) => "OrgKeyRotation::follow_chain",
        })
    }
}

/// An org key that the vault offers instead of the accepted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OrgKeyChange {
    pub(super) accepted: Fingerprint,
    pub(super) offered: Fingerprint,
    pub(super) offered_epoch: Option<u64>,
    pub(super) time_left: Duration,
}

impl OrgKeyChange {
    /// Returns the fingerprint of the org key that the client uses.
    #[must_use]
    pub fn accepted(&self) -> Fingerprint {
        self.accepted
    }

    /// Returns the fingerprint of the org key that the vault has now.
    #[must_use]
    pub fn offered(&self) -> Fingerprint {
        self.offered
    }

    /// Returns the number that the vault gives this org key, if it numbers its keys. A key never gets another one, so a key
    /// that is known under another number was replaced: refuse it, since a value under it would be stored as one of the present
    /// key.
    ///
    /// ```no_run
    /// use helvetisafe::{Client, OrgKeyRotation};
    ///
    /// let trusted = std::fs::read_to_string("/etc/app/org-key")?.trim().to_owned();
    /// let policy = OrgKeyRotation::ask(move |change| {
    ///     let epoch = change.offered_epoch().unwrap_or_default();
    ///     format!("{} {epoch}", change.offered()) == trusted
    /// });
    /// let client = Client::builder_from_env()?.org_key_rotation(policy).connect()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn offered_epoch(&self) -> Option<u64> {
        self.offered_epoch
    }

    /// Returns the time until the deadline of the operation that waits for the decision. Work that takes longer, such as requests,
    /// delays the operation beyond it.
    ///
    /// ```no_run
    /// use helvetisafe::{Client, OrgKeyRotation};
    ///
    /// fn fetch_trusted_key(timeout: std::time::Duration) -> Option<String> {
    ///     // For example from the organization's own web server.
    /// #   None
    /// }
    ///
    /// let policy = OrgKeyRotation::ask(|change| {
    ///     let trusted = fetch_trusted_key(change.time_left());
    ///     trusted.is_some_and(|key| key == change.offered().to_string())
    /// });
    /// let client = Client::builder_from_env()?.org_key_rotation(policy).connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.time_left
    }

    /// Returns the change for an operation with this much time.
    pub(crate) fn within(self, time_left: Duration) -> Self {
        Self { time_left, ..self }
    }
}

/// The decision about another org key.
pub(crate) enum Verdict {
    Refuse,
    /// It decrypts, but does not encrypt.
    Follow,
    Confirm,
    /// The application decides, which may take long.
    Ask(Arc<Ask>, OrgKeyChange),
    /// The chain decides, which takes calls.
    #[cfg(feature = "organization")]
    FollowChain,
}
