use std::sync::Arc;

use helvetisafe_crypto::organization::{
    Anchor, Chain, Entry, Event, Head, SigningKey, VerificationKey,
};
use helvetisafe_crypto::{Error as CryptoError, Fingerprint, OrgKey, WrappedOrgKey};
use helvetisafe_proto::endpoint::GetOrgKey;
use helvetisafe_proto::endpoint::organization::{
    FoundOrganization, Founding, GetChain, OrganizationId,
};
use helvetisafe_proto::{ErrorCode, ScopeList};
use secrecy::SecretString;

use super::{AccountKeys, chain, check_name, is_administrator};
use crate::api::Api;
use crate::bounds::Bounds;
use crate::config_error::ConfigError;
use crate::error::{Cause, Error, ErrorKind, OrganizationAction, OrganizationCause};
use crate::runtime::Runtime;

/// The epoch of the first org key.
const FIRST_EPOCH: u64 = 1;

/// An organization to found, with its founder.
///
/// It has no `Debug`, since it refers to secrets.
#[derive(Clone)]
pub struct NewOrganization<'a> {
    /// The id, 8 random bytes.
    pub id: OrganizationId,
    /// The name of the founder's account, for people.
    pub name: &'a str,
    /// The scopes of the founder's account, with `organization:write`.
    pub scopes: ScopeList,
    /// The keys of the founder, with a signing key. They are stored before.
    pub keys: &'a AccountKeys,
}

/// A founded organization. Fingerprint and head are for the founder to pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Founded {
    /// The id.
    pub organization: OrganizationId,
    /// The fingerprint of the org key, for [`ClientBuilder::pin_org_key`](crate::ClientBuilder::pin_org_key).
    pub fingerprint: Fingerprint,
    /// The number of that key.
    pub key_epoch: u64,
    /// The newest entry of the chain, for [`Anchor::Head`].
    pub head: Head,
    /// The verification key of the founder, for [`Anchor::Key`].
    pub verification_key: VerificationKey,
}

/// The checked keys and names.
struct Founder<'a> {
    organization: OrganizationId,
    keys: &'a AccountKeys,
    signing_key: &'a SigningKey,
}

/// Founds an organization. The org key exists only here and in its wrap.
pub(crate) async fn found<R: Runtime>(
    api: &Arc<Api<R>>,
    token: &SecretString,
    new: &NewOrganization<'_>,
) -> Result<Founded, Error> {
    let founder = Founder::check(new)?;
    let (founding, genesis) = founder
        .founding(new)
        .map_err(|cause| Error::new(OrganizationAction::Found, cause))?;
    let call = FoundOrganization {
        token: token.clone(),
        founding,
    };
    let bounds = api.deadline().into();
    let action = OrganizationAction::Found.into();
    match api.call(&call, action, &bounds).await {
        Ok(_) => founder.founded(&[genesis]),
        Err(error) if may_be_done(&error) => founder.completed(api, &bounds, error).await,
        Err(error) => Err(error),
    }
}

/// Returns true if an earlier call with the same keys may have founded the organization.
fn may_be_done(error: &Error) -> bool {
    let codes = [ErrorCode::InvalidBootstrap, ErrorCode::IdTaken];
    error.code().is_some_and(|code| codes.contains(&code))
}

impl<'a> Founder<'a> {
    fn check(new: &NewOrganization<'a>) -> Result<Self, Error> {
        let action = OrganizationAction::Found;
        check_name(action.clone(), "the name of the founder", new.name)?;
        if !is_administrator(&new.scopes) {
            return Err(Error::new(action, ConfigError::FounderScopes));
        }
        new.keys.check_scopes(action.clone(), &new.scopes)?;
        let signing_key = new.keys.signing_key.as_ref();
        Ok(Self {
            organization: new.id,
            keys: new.keys,
            signing_key: signing_key
                .ok_or_else(|| Error::new(action, ConfigError::NoSigningKey))?,
        })
    }

    /// Makes the org key, its wrap and the first entry of the chain.
    fn founding(&self, new: &NewOrganization<'_>) -> Result<(Founding, Entry), Cause> {
        let public_key = self.keys.public_key()?;
        let org_key = OrgKey::generate()?;
        let wrapped = public_key.public_key().wrap_org_key(&org_key)?;
        let genesis = Chain::found(
            &self.organization.to_string(),
            FIRST_EPOCH,
            &org_key.fingerprint(),
            &self.keys.client_id,
            new.name,
            &public_key,
            self.signing_key,
        );
        let verification_key = self.signing_key.verification_key();
        let founding = Founding {
            organization: self.organization,
            account: self.keys.client_id.clone(),
            name: new.name.to_owned(),
            scopes: new.scopes.clone(),
            client_secret_hash: self.keys.client_secret_hash(),
            public_key: public_key.as_der().to_vec().into(),
            verification_key: verification_key.as_bytes().to_vec().into(),
            encrypted_org_key: wrapped.encode(),
            private_key: self.keys.encoded_locked_key(),
            genesis: genesis.to_bytes().into(),
        };
        Ok((founding, genesis))
    }

    /// Logs in with the keys, and checks that an earlier call founded the organization. Returns `refusal` if they are
    /// not those of an account.
    async fn completed<R: Runtime>(
        &self,
        api: &Arc<Api<R>>,
        bounds: &Bounds,
        refusal: Error,
    ) -> Result<Founded, Error> {
        let action = OrganizationAction::Found;
        let page = |from| GetChain { from };
        let entries = match chain::fetch(api, page, bounds).await {
            Err(error) if error.kind() == ErrorKind::Auth => return Err(refusal),
            entries => entries?,
        };
        let founded = self.founded(&entries)?;
        let answer = api.call(&GetOrgKey, action.clone().into(), bounds).await?;
        let unwrapped = self.unwrap(&answer.encrypted_org_key);
        let found = unwrapped.map_err(|error| Error::new(action.clone(), error))?;
        if found != founded.fingerprint {
            let expected = founded.fingerprint;
            let cause = OrganizationCause::OtherOrgKey { expected, found };
            return Err(Error::new(action, cause));
        }
        Ok(founded)
    }

    fn unwrap(&self, wrapped: &str) -> Result<Fingerprint, CryptoError> {
        let wrapped = WrappedOrgKey::decode(wrapped)?;
        let org_key = self.keys.private_key.unwrap_org_key(&wrapped)?;
        Ok(org_key.fingerprint())
    }

    /// Verifies the chain, whose genesis these keys have to have signed.
    fn founded(&self, entries: &[Entry]) -> Result<Founded, Error> {
        let refused = |cause| Error::new(OrganizationAction::Found, cause);
        let verification_key = self.signing_key.verification_key();
        let is_ours = |entry: &Entry| match entry.event() {
            Event::Genesis { account, key, .. } => {
                *account == self.keys.client_id && *key == verification_key
            }
            _ => false,
        };
        if !entries.first().is_some_and(is_ours) {
            return Err(refused(OrganizationCause::OtherGenesis));
        }
        let anchor = Anchor::Key(verification_key);
        let chain = Chain::follow(&self.organization.to_string(), &anchor, entries)
            .map_err(|error| refused(OrganizationCause::Chain(error)))?;
        Ok(Founded {
            organization: self.organization,
            fingerprint: *chain.fingerprint(),
            key_epoch: chain.epoch(),
            head: *chain.head(),
            verification_key,
        })
    }
}
