//! The changes of an administrator: the authority for them, and their repetition after another administrator's change.

use helvetisafe_crypto::organization::{Chain, ChainError, Entry, SigningKey};
use helvetisafe_proto::ErrorCode;
use helvetisafe_proto::endpoint::organization::{Disable, Disabling};

use super::Operation;
use crate::administration::{Administrator, Disabled};
use crate::error::{Error, ErrorKind, OrganizationAction, OrganizationCause};
use crate::org_keys::ConfirmedKey;
use crate::runtime::Runtime;

/// The largest number of repetitions of a change that other administrators overtake.
const RACES: u32 = 5;

/// The verified chain, and a signing key of an administrator in it.
pub(super) struct Authority<'a> {
    pub(super) chain: Chain,
    pub(super) signing_key: &'a SigningKey,
    action: OrganizationAction,
}

/// The number of races that a change has lost.
pub(super) struct Races(u32);

impl Races {
    pub(super) fn new() -> Self {
        Self(0)
    }

    /// Counts a lost race: the chain has another entry, or another org key. Returns `None` if the change has to be made again,
    /// and else the outcome of `action`.
    pub(super) fn judge<T>(
        &mut self,
        outcome: Result<T, Error>,
        action: OrganizationAction,
    ) -> Option<Result<T, Error>> {
        if !outcome.as_ref().is_err_and(is_lost) {
            return Some(outcome);
        }
        self.0 += 1;
        match outcome {
            Err(_) if self.0 <= RACES => None,
            Err(error) if error.kind() != ErrorKind::Ambiguous => Some(Err(Error::new(
                action,
                OrganizationCause::Overtaken(self.0),
            ))),
            outcome => Some(outcome),
        }
    }
}

/// Returns true for the refusal of a change that another one has overtaken. A server in between may leave out the code.
fn is_lost(error: &Error) -> bool {
    let lost = [ErrorCode::ChainMoved, ErrorCode::KeyEpochMismatch];
    match error.code() {
        Some(code) => lost.contains(&code),
        None => error.kind() == ErrorKind::Changed,
    }
}

impl Authority<'_> {
    /// Returns an error of the chain for a change that it does not allow.
    pub(super) fn signed(&self, entry: Result<Entry, ChainError>) -> Result<Entry, Error> {
        entry.map_err(|error| self.refused(OrganizationCause::Change(error)))
    }

    pub(super) fn refused(&self, cause: impl Into<OrganizationCause>) -> Error {
        Error::new(self.action.clone(), cause.into())
    }
}

impl<R: Runtime> Operation<'_, R> {
    /// Follows the chain, and checks that the signing key is an administrator's.
    pub(super) async fn authority<'a>(
        &self,
        administrator: &Administrator<'a>,
        action: OrganizationAction,
    ) -> Result<Authority<'a>, Error> {
        let chain = self.follow(administrator.anchor).await?;
        let signing_key = administrator.signing_key;
        let key = signing_key.verification_key();
        if !chain.administrators().values().any(|known| *known == key) {
            return Err(Error::new(action, OrganizationCause::NotAdministrator));
        }
        Ok(Authority {
            chain,
            signing_key,
            action,
        })
    }

    /// Returns the org key that the chain has now.
    pub(super) async fn org_key(&self, authority: &Authority<'_>) -> Result<ConfirmedKey, Error> {
        let action = authority.action.clone().into();
        let key = self
            .vault
            .org_key_of(&authority.chain, &action, &self.bounds);
        key.await
    }

    pub(crate) async fn disable(
        &self,
        administrator: &Administrator<'_>,
        account: &str,
    ) -> Result<Disabled, Error> {
        let mut races = Races::new();
        loop {
            let outcome = self.disable_once(administrator, account).await;
            if let Some(outcome) = races.judge(outcome, OrganizationAction::Disable) {
                return outcome;
            }
        }
    }

    async fn disable_once(
        &self,
        administrator: &Administrator<'_>,
        account: &str,
    ) -> Result<Disabled, Error> {
        let action = OrganizationAction::Disable;
        let authority = self.authority(administrator, action.clone()).await?;
        let entry = authority.chain.disable(account, authority.signing_key);
        let entry = authority.signed(entry)?;
        let call = Disable {
            disabling: Disabling {
                account: account.to_owned(),
                entry: entry.to_bytes().into(),
            },
        };
        self.organize(&call, action).await?;
        Ok(Disabled { head: entry.head() })
    }
}
