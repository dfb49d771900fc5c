//! The examination of a vault's org key and signed chain, which remembers nothing.

use helvetisafe::organization::{Anchor, Chain, Organization};
use helvetisafe::{Client, Error, Fingerprint};

use super::{Trust, pinned_by_mistake};
use crate::failure::{Failure, Status};

/// The largest number of rotations between two answers that a command follows.
const RACES: u32 = 3;

impl Trust<'_> {
    /// Checks the org key of a client that has connected as a command does, and the signed chain, if a part of it is trusted.
    /// Returns the chain. The client has the vault's present org key then.
    pub(crate) fn examine(
        &self,
        client: &Client,
        organization: Organization<'_>,
    ) -> Result<Option<Chain>, Failure> {
        let Some(anchor) = self.own()? else {
            self.check(client.org_key_fingerprint())?;
            return match self.doubt(client) {
                Some(doubt) => Err(self.explain_doubt(doubt)),
                None => Ok(None),
            };
        };
        let chain = follow_with_key(client, organization, &anchor, self.expected)?;
        self.check_extends(&chain)?;
        let current = client.org_key_fingerprint();
        if !is_of_chain(client, &chain) {
            return Err(not_of_chain(client, &chain));
        }
        match &self.remembered {
            _ if self.is_replaced(current, &chain) => {}
            Some(known) if self.expected.is_none() && known.fingerprint != current => {
                return Err(pinned_by_mistake(known, current));
            }
            _ => self.check(current)?,
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

    /// Returns true if a part of the signed chain is trusted, so that it can be verified.
    pub(crate) fn has_chain(&self) -> bool {
        matches!(self.own(), Ok(Some(_)))
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

/// Follows the chain from an anchor. If it has replaced the client's org key, a rotation may have come between the two answers,
/// so the client fetches the org key again. It does not if a fingerprint is configured.
pub(in crate::session) fn follow_with_key(
    client: &Client,
    organization: Organization<'_>,
    anchor: &Anchor,
    configured: Option<Fingerprint>,
) -> Result<Chain, Error> {
    let mut chain = organization.follow(anchor)?;
    for _ in 0..RACES {
        let used = client.org_key_fingerprint();
        let is_replaced = used != *chain.fingerprint() && chain.has_had(&used);
        if !is_replaced || configured.is_some() {
            break;
        }
        let refusal = match organization.use_org_key(&chain) {
            Ok(()) => break,
            Err(error) => error,
        };
        if refusal.refused_org_key().is_none() {
            return Err(refusal);
        }
        // The next rotation may have come before this answer.
        let head = *chain.head();
        chain = organization.follow(&Anchor::Head(head))?;
        if *chain.head() == head {
            break;
        }
    }
    Ok(chain)
}

/// Returns true if the vault's org key is that of the verified chain, with its number, if the vault gives one.
pub(in crate::session) fn is_of_chain(client: &Client, chain: &Chain) -> bool {
    client.org_key_fingerprint() == *chain.fingerprint()
        && client
            .key_epoch()
            .is_none_or(|epoch| epoch == chain.epoch())
}

/// The org key of the vault is not that of the verified chain: the vault must not choose the key that seals.
pub(in crate::session) fn not_of_chain(client: &Client, chain: &Chain) -> Failure {
    let (current, signed) = (client.org_key_fingerprint(), chain.fingerprint());
    let number = client.key_epoch().filter(|_| current == *signed);
    let contradiction = match number {
        Some(number) => format!(
            "gives the org key {current} the number {number}, and the signed chain has the number {}",
            chain.epoch()
        ),
        None => format!("has the org key {current}, and the signed chain names {signed}"),
    };
    Failure::new(
        Status::Crypto,
        format_args!(
            "the vault {contradiction}: nothing was changed; ask an administrator before you continue"
        ),
    )
}
