//! The settings of the keys: pinned org keys, names inside secrets, and tickets.

use helvetisafe_crypto::Fingerprint;

use super::ClientBuilder;
use crate::binding::Binding;
use crate::org_keys::OrgKeyRotation;

impl<P, A> ClientBuilder<P, A> {
    /// Accepts this org key only: [`Self::pin_org_keys`] with one fingerprint.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let pin = "SHA256:SgGxNjAQ2qzHT5ZD/saHD/8/Xzrkh1Aym8dWeo9DsoA".parse()?;
    /// let client = Client::builder_from_env()?.pin_org_key(pin).connect()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pin_org_key(self, fingerprint: Fingerprint) -> Self {
        self.pin_org_keys([fingerprint])
    }

    /// Lets `connect` accept these org keys only, so that a hostile vault cannot hand out a key that it knows,
    /// to read what the client writes. A later key that is not pinned is subject to
    /// [`Self::org_key_rotation`], which refuses it by default. A refused key fails the call with
    /// [`ErrorKind::OrgKeyRefused`](crate::ErrorKind::OrgKeyRefused).
    ///
    /// Several pins announce a rotation: the client encrypts under the pinned key that the vault returned last,
    /// and decrypts under every pinned key that it returned. The vault may go back to any pinned key, so remove
    /// the old one after the rotation. A key that [`OrgKeyRotation::ask`](crate::OrgKeyRotation::ask) accepts replaces all pins;
    /// with [`OrgKeyRotation::follow_chain`](crate::OrgKeyRotation) the chain decides which key is the present one. Without pins,
    /// `connect` accepts any org key.
    ///
    /// ```no_run
    /// use helvetisafe::{Client, Fingerprint};
    ///
    /// let pins = std::fs::read_to_string("/etc/app/org-keys")?;
    /// let pins = pins.lines().map(str::parse).collect::<Result<Vec<Fingerprint>, _>>()?;
    /// let client = Client::builder_from_env()?.pin_org_keys(pins).connect()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pin_org_keys(mut self, fingerprints: impl IntoIterator<Item = Fingerprint>) -> Self {
        self.org_key_policy.pins = fingerprints.into_iter().collect();
        self
    }

    /// Sets the policy for an org key that changes while the client is connected, if the new key is not pinned.
    /// By default it is refused.
    ///
    /// ```no_run
    /// use helvetisafe::{Client, OrgKeyRotation};
    ///
    /// let rotation = OrgKeyRotation::follow_for_reading();
    /// let builder = Client::builder_from_env()?.org_key_rotation(rotation);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn org_key_rotation(mut self, rotation: OrgKeyRotation) -> Self {
        self.org_key_policy.rotation = rotation;
        self
    }

    /// Refuses every secret that does not name its key inside the encryption, so that a hostile vault cannot
    /// hand out one secret for another. Multi-field secrets and legacy plain text name no key, and cannot be
    /// read then. `false`, the default, is described at [`Self::allow_unbound`]. The last call of the two
    /// methods counts.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let builder = Client::builder_from_env()?.require_binding(true);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn require_binding(self, required: bool) -> Self {
        let binding = if required {
            Binding::Required
        } else {
            Binding::default()
        };
        Self { binding, ..self }
    }

    /// Accepts a secret of one member whose name is another valid key.
    ///
    /// By default such a secret is refused, with
    /// [`ErrorKind::Crypto`](crate::ErrorKind::Crypto): it has the form of the single value of that other key,
    /// which a hostile vault may have handed out in its place. A one-field secret from the portal has the same
    /// form. Read it with [`Secrets::get_field`](crate::Secrets::get_field), or accept all of them here.
    /// `false` restores the default. The last call of this method and [`Self::require_binding`] counts.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let client = Client::builder_from_env()?.allow_unbound(true).connect()?;
    /// let made_in_the_portal = client.secrets().get("SMTP")?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn allow_unbound(self, allowed: bool) -> Self {
        let binding = if allowed {
            Binding::AllowUnbound
        } else {
            Binding::default()
        };
        Self { binding, ..self }
    }

    /// Starts with the access token of an earlier client, from
    /// [`Client::resumption_ticket`](crate::Client::resumption_ticket). It is renewed in time, and replaced
    /// once after a 401, like the client's own. A token that is at least a minute old is also replaced after a
    /// 403, and the call repeated, since the account may have more rights by now.
    ///
    /// While that token is used, the ticket's keys serve too, and `connect` sends nothing. The ticket's org key is
    /// the one that `connect` accepts, if it is pinned or nothing is. It opens secrets at once. Before the first
    /// write, or if a secret does not open, the client fetches the vault's org key and compares the two.
    /// [`Self::org_key_rotation`] decides about another one; a key that it does not confirm fails the call with
    /// [`ErrorKind::OrgKeyRefused`](crate::ErrorKind::OrgKeyRefused). After an honest rotation, connect without
    /// the ticket.
    ///
    /// A ticket that cannot be used is ignored: one that is malformed or does not open, belongs to another
    /// vault, account, client secret or set of scopes, or has a time of receipt in the future because the
    /// clock was set back since.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let ticket = std::fs::read_to_string("ticket").unwrap_or_default();
    /// let client = Client::builder_from_env()?.resume(ticket).connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn resume(self, ticket: impl Into<String>) -> Self {
        Self {
            ticket: Some(ticket.into()),
            ..self
        }
    }

    /// If true, `connect` fetches the vault's org key also with a ticket, and compares the two before anything is
    /// opened. It costs a round trip, and a rotated key is noticed at once. By default that happens before the
    /// first write, or if a secret does not open. The command does so.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let ticket = std::fs::read_to_string("ticket").unwrap_or_default();
    /// let client = Client::builder_from_env()?.resume(ticket).compare_org_key(true).connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn compare_org_key(self, compare: bool) -> Self {
        Self {
            compares_org_key: compare,
            ..self
        }
    }

    /// If true, the vault has to number its org key, as it did for an earlier client: see
    /// [`Client::key_epoch`](crate::Client::key_epoch). Writes name the number, so that a vault refuses a value under a key that
    /// it has replaced; a vault that leaves the number out could store such a value unnoticed. `connect` then fails with
    /// [`ErrorKind::Crypto`](crate::ErrorKind::Crypto). A client requires it by itself once it has seen a number. With
    /// [`OrgKeyRotation::follow_chain`](crate::OrgKeyRotation) the chain states the number, and the vault's does not count.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let seen = std::fs::read_to_string("key-epoch").is_ok();
    /// let client = Client::builder_from_env()?.require_key_epoch(seen).connect()?;
    /// if let Some(epoch) = client.key_epoch() {
    ///     std::fs::write("key-epoch", epoch.to_string())?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn require_key_epoch(mut self, require: bool) -> Self {
        self.org_key_policy.requires_epoch = require;
        self
    }
}
