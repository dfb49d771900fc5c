//! The org keys of a client that follows the signed chain of its organization.

use helvetisafe_crypto::organization::{Anchor, Chain, ChainError, Head};

use super::{ConfirmedKey, OrgKeyPolicy, OrgKeys, UnconfirmedKey};
use crate::error::{Cause, OrganizationCause};

impl UnconfirmedKey {
    /// Returns the key with the right to encrypt, if it is the present one of a verified chain.
    pub(crate) fn confirmed_by(&self, chain: &Chain) -> Option<ConfirmedKey> {
        (self.fingerprint() == *chain.fingerprint()).then(|| self.confirm())
    }
}

impl OrgKeys {
    /// Accepts the first org key of a client that follows the chain.
    pub(crate) fn accept_by(
        policy: OrgKeyPolicy,
        key: &UnconfirmedKey,
        chain: &Chain,
    ) -> Result<Self, Cause> {
        let keys = Self::new(policy, key, true);
        keys.confirm_by(chain, key)?;
        Ok(keys)
    }

    /// Returns the newest trusted part of the chain, if the policy follows it.
    pub(crate) fn anchor(&self) -> Option<Anchor> {
        let first = self.policy.rotation.anchor()?;
        Some(self.head().map_or(first, Anchor::Head))
    }

    /// Returns the newest entry of the chain that was verified.
    pub(crate) fn head(&self) -> Option<Head> {
        self.read(|known| known.head)
    }

    /// Makes this key the current one, if it is the present one of the chain, which was followed from the anchor. Does
    /// nothing if another thread has followed further, and fails if that thread followed another branch.
    pub(crate) fn confirm_by(&self, chain: &Chain, key: &UnconfirmedKey) -> Result<(), Cause> {
        let pins = &self.policy.pins;
        if !pins.is_empty() && !pins.iter().any(|pin| chain.has_had(pin)) {
            let present = *chain.fingerprint();
            return Err(OrganizationCause::OtherPins { present }.into());
        }
        let is_present = key.fingerprint() == *chain.fingerprint();
        self.write(|known| {
            match known.head {
                Some(seen) if seen.sequence > chain.head().sequence => return Ok(()),
                Some(seen) if !chain.contains(&seen) => {
                    return Err(OrganizationCause::Chain(ChainError::Fork).into());
                }
                _ => {}
            }
            known.head = Some(*chain.head());
            if !is_present {
                return Err(other_org_key(chain, key));
            }
            // The chain states the epoch, and the vault's statement does not count.
            self.replace(known, &key.clone().in_epoch(Some(chain.epoch())));
            Ok(())
        })
    }

    /// Returns the key in use, if it is the present one of a verified chain. The chain confirms a ticket's key too.
    pub(crate) fn of_chain(&self, chain: &Chain) -> Option<ConfirmedKey> {
        Some(self.current()).filter(|key| key.fingerprint() == *chain.fingerprint())
    }
}

/// Returns the failure of a call for which the vault has another key than a verified chain.
pub(crate) fn other_org_key(chain: &Chain, key: &UnconfirmedKey) -> Cause {
    let cause = OrganizationCause::OtherOrgKey {
        expected: *chain.fingerprint(),
        found: key.fingerprint(),
    };
    cause.into()
}
