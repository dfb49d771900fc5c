//! Seals the secrets again under the new org key, and stages them in the vault.

use std::iter::Peekable;

use helvetisafe_crypto::{Envelope, Plaintext};
use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::organization::{
    ListUnstaged, StageSecrets, StagedSecret, StagedSecrets, Unstaged,
};

use super::ACTION;
use crate::administration::NewOrgKey;
use crate::error::{Error, OrganizationCause};
use crate::operations::organization::Operation;
use crate::org_keys::ConfirmedKey;
use crate::runtime::Runtime;

/// The largest number of secrets in a list.
const BATCH: u32 = 500;

/// The largest size of the secrets in a request, in bytes of base64: half of the vault's limit for a body. A single secret
/// may be larger.
const REQUEST: usize = 1 << 20;

/// The numbers of secrets of a batch.
pub(super) struct Batch {
    pub(super) listed: u64,
    pub(super) staged: u64,
}

impl<R: Runtime> Operation<'_, R> {
    /// Stages a part of the secrets. Returns `None` if there are none, or not fewer than `least`. Fails after it has staged the
    /// others if some do not open.
    pub(super) async fn stage(
        &self,
        old: &ConfirmedKey,
        new: &NewOrgKey,
        least: u64,
    ) -> Result<Option<Batch>, Error> {
        let list = ListUnstaged {
            id: new.id,
            limit: BATCH,
        };
        let unstaged = self.organize(&list, ACTION).await?;
        if unstaged.secrets.is_empty() || unstaged.count >= least {
            return Ok(None);
        }
        let (mut staged, mut unopened) = (0, Vec::new());
        let mut secrets = unstaged.secrets.into_iter().peekable();
        while secrets.peek().is_some() {
            let part = sealed_part(&mut secrets, old, new, &mut unopened)?;
            if part.is_empty() {
                continue;
            }
            staged += part.len() as u64;
            let staged = StagedSecrets {
                secrets: part,
                ..StagedSecrets::default()
            };
            let call = StageSecrets { id: new.id, staged };
            self.organize(&call, ACTION).await?;
        }
        if !unopened.is_empty() {
            let cause = OrganizationCause::UnopenedSecrets(unopened);
            return Err(Error::new(ACTION, cause));
        }
        Ok(Some(Batch {
            listed: unstaged.count,
            staged,
        }))
    }

    /// Has the vault hold the writes of all clients until the commit, for a short time.
    pub(super) async fn hold_writes(&self, new: &NewOrgKey) -> Result<(), Error> {
        let staged = StagedSecrets {
            secrets: Vec::new(),
            hold_writes: true,
        };
        let call = StageSecrets { id: new.id, staged };
        self.organize(&call, ACTION).await?;
        Ok(())
    }
}

/// Seals as many secrets under the new key as one request takes. Adds the names of those that do not open to `unopened`.
fn sealed_part(
    secrets: &mut Peekable<impl Iterator<Item = Unstaged>>,
    old: &ConfirmedKey,
    new: &NewOrgKey,
    unopened: &mut Vec<KeyName>,
) -> Result<Vec<StagedSecret>, Error> {
    let (mut part, mut size) = (Vec::new(), 0);
    while let Some(secret) =
        secrets.next_if(|next| part.is_empty() || size + next.value.len() <= REQUEST)
    {
        size += secret.value.len();
        match open(&secret, old) {
            Some(plaintext) => part.push(seal_again(secret, &plaintext, new)?),
            None => unopened.push(secret.key),
        }
    }
    Ok(part)
}

fn open(secret: &Unstaged, old: &ConfirmedKey) -> Option<Plaintext> {
    let envelope = Envelope::decode(&secret.value, &secret.nonce).ok()?;
    old.org_key().open(envelope).ok()
}

/// Seals the same bytes under the new key, so that they name the same key.
fn seal_again(
    secret: Unstaged,
    plaintext: &Plaintext,
    new: &NewOrgKey,
) -> Result<StagedSecret, Error> {
    let sealed = new.key.seal(plaintext);
    let sealed = sealed.map_err(|error| Error::new(ACTION, error))?;
    Ok(StagedSecret {
        key: secret.key,
        based_on: secret.version,
        value: sealed.encode_value(),
        nonce: sealed.encode_nonce(),
    })
}
