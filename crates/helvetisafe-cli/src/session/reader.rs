//! Reads from the vault, or from the offline cache.

use helvetisafe::{Secret, SecretMetadata};

use super::failures::Failures;
use super::offline::Offline;
use super::read::{self, SecretRequest};
use super::vault::Vault;
use crate::failure::Failure;

#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) vault: &'a Vault,
    offline: Option<&'a Offline>,
}

impl<'a> Reader<'a> {
    /// Reads from the vault, and from the offline cache if there is one.
    pub(crate) fn new(vault: &'a Vault, offline: Option<&'a Offline>) -> Self {
        Self { vault, offline }
    }

    /// Reads all secrets, in the order of the requests, or reports every failure.
    pub(crate) fn secrets(&self, requests: &[SecretRequest]) -> Result<Vec<Secret>, Failure> {
        let outcomes = match self.offline {
            Some(offline) => offline.secrets(requests, self.vault)?,
            None => read::secrets(requests, self.vault)?,
        };
        let (budget, messages) = (self.vault.budget()?, self.vault.messages);
        let mut failures = Failures::within(budget, requests.len(), messages);
        let mut secrets = Vec::with_capacity(requests.len());
        for outcome in outcomes {
            match outcome {
                Ok(secret) => secrets.push(secret),
                Err(failure) => failures.add(failure),
            }
        }
        failures.finish_counted(secrets.len(), requests.len(), "read")?;
        Ok(secrets)
    }

    /// Reads the names and dates of all secrets.
    pub(crate) fn list(&self) -> Result<Vec<SecretMetadata>, Failure> {
        match self.offline {
            Some(offline) => offline.list(self.vault),
            None => read::list(self.vault),
        }
    }
}
