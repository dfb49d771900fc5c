//! The examination of a vault's org key and signed chain, which remembers nothing.

use helvetisafe::Fingerprint;
use helvetisafe::organization::{Chain, Organization};

use super::Trust;
use crate::failure::{Failure, Status};

impl Trust<'_> {
    /// Checks the org key that a vault has now as a command does, and the signed chain, if a part of it is trusted. Returns
    /// the chain.
    pub(crate) fn examine(
        &self,
        current: Fingerprint,
        organization: Organization<'_>,
    ) -> Result<Option<Chain>, Failure> {
        let Some(chain) = self.follow_chain(organization)? else {
            return self.check(current).map(|()| None);
        };
        if current != *chain.fingerprint() {
            return Err(not_of_chain(current, &chain));
        }
        if !self.is_replaced(current, &chain) {
            self.check(current)?;
        }
        Ok(Some(chain))
    }

    /// Fetches the signed chain, and verifies it from the part that is trusted; `None` if there is no such part.
    pub(crate) fn follow_chain(
        &self,
        organization: Organization<'_>,
    ) -> Result<Option<Chain>, Failure> {
        let Some(anchor) = self.own()? else {
            return Ok(None);
        };
        let chain = organization.follow(&anchor)?;
        self.check_extends(&chain)?;
        Ok(Some(chain))
    }

    /// Returns true if the signed chain decides about another org key than the remembered one.
    pub(in crate::session) fn follows_chain(&self) -> bool {
        matches!(self.followed(), Ok(Some(_)))
    }

    /// Returns true if the chain has this org key in place of the remembered one, so that the next command accepts it.
    pub(crate) fn is_replaced(&self, current: Fingerprint, chain: &Chain) -> bool {
        let remembered = self.remembered.as_ref().map(|known| known.fingerprint);
        self.expected.is_none()
            && remembered.is_some_and(|known| known != current && chain.has_had(&known))
    }

    /// Fails unless a verified chain extends the remembered one.
    pub(crate) fn check_extends(&self, chain: &Chain) -> Result<(), Failure> {
        match self.organization() {
            Some(known) if !chain.contains(&known.head) => {
                let (seen, served) = (known.head.sequence, chain.head().sequence);
                Err(Failure::other_history(seen, served))
            }
            _ => Ok(()),
        }
    }
}

/// The org key of the vault is not that of the verified chain: the vault must not choose the key that seals.
pub(in crate::session) fn not_of_chain(current: Fingerprint, chain: &Chain) -> Failure {
    Failure::new(
        Status::Crypto,
        format_args!(
            "the vault has the org key {current}, and the signed chain names {}: nothing was changed; ask another administrator before \
             you continue",
            chain.fingerprint()
        ),
    )
}
