//! Reads from the vault, or from the offline cache.

use helvetisafe::{Secret, SecretMetadata};

use super::failures::Failures;
use super::offline::{Offline, OfflineArgs};
use super::outage::Outage;
use super::read::{self, SecretRequest};
use super::vault::Vault;
use crate::failure::Failure;

#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) vault: &'a Vault,
    offline: Option<&'a Offline>,
}

impl<'a> Reader<'a> {
    /// Reads from the vault alone.
    pub(crate) fn online(vault: &'a Vault) -> Self {
        let offline = None;
        Self { vault, offline }
    }

    /// Runs work that reads from the vault, and from the offline cache if `args` ask for it. Saves in the cache
    /// what was read.
    pub(crate) fn with<T>(
        args: &OfflineArgs,
        vault: &'a Vault,
        work: impl FnOnce(Reader<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let messages = vault.messages;
        let offline = Offline::load(args, vault.settings()?, Outage::default(), messages)?;
        let outcome = work(Reader {
            vault,
            offline: offline.as_ref(),
        });
        if let Some(offline) = &offline {
            offline.save(outcome.is_ok(), vault.connected(), messages);
            offline.note_outage(messages);
        }
        // Before a program replaces this process.
        vault.save_names();
        outcome
    }

    /// Reads one secret.
    pub(crate) fn secret(&self, request: SecretRequest) -> Result<Secret, Failure> {
        let outcome = match self.offline {
            Some(offline) => {
                let outcomes = offline.secrets(std::slice::from_ref(&request), self.vault)?;
                let missing = || Err(Failure::not_found(&request.key));
                outcomes.into_iter().last().unwrap_or_else(missing)
            }
            None => {
                let secret = self.vault.read(|secrets| request.read(secrets))?;
                secret.map_err(|error| self.vault.failure(error))
            }
        };
        self.note_name(&request, &outcome);
        outcome
    }

    /// Returns true if secrets come from the vault alone.
    pub(crate) fn is_online(&self) -> bool {
        self.offline.is_none()
    }

    /// Reads all secrets, in the order of the requests, or reports every failure. Optional secrets that do not
    /// exist are left out.
    #[cfg(feature = "templates")]
    pub(crate) fn secrets(&self, requests: &[SecretRequest]) -> Result<Vec<Secret>, Failure> {
        let (secrets, failures) = self.secrets_and_failures(requests)?;
        failures.finish_counted(secrets.len(), requests.len(), "read")?;
        Ok(secrets)
    }

    /// Reads secrets together. Returns those that could be read, and the failures.
    pub(crate) fn secrets_and_failures(
        &self,
        requests: &[SecretRequest],
    ) -> Result<(Vec<Secret>, Failures<'a>), Failure> {
        let outcomes = self.outcomes(requests)?;
        let (budget, messages) = (self.vault.budget()?, self.vault.messages);
        let mut failures = Failures::within(budget, requests.len(), messages);
        let mut secrets = Vec::with_capacity(requests.len());
        for (request, outcome) in requests.iter().zip(outcomes) {
            match outcome {
                Ok(secret) => secrets.push(secret),
                Err(failure) if request.is_optional && failure.is_not_found() => {
                    self.note_absence(&failure);
                }
                Err(failure) => failures.add_for(&request.key, failure),
            }
        }
        Ok((secrets, failures))
    }

    /// Reads secrets. Returns one outcome for each request, in the same order.
    pub(crate) fn outcomes(
        &self,
        requests: &[SecretRequest],
    ) -> Result<Vec<Result<Secret, Failure>>, Failure> {
        let outcomes = match self.offline {
            Some(offline) => offline.secrets(requests, self.vault)?,
            None => read::secrets(requests, self.vault)?,
        };
        for (request, outcome) in requests.iter().zip(&outcomes) {
            self.note_name(request, outcome);
        }
        Ok(outcomes)
    }

    /// Notes for completions whether a secret exists, if its read shows that.
    fn note_name(&self, request: &SecretRequest, outcome: &Result<Secret, Failure>) {
        match outcome {
            Ok(_) => self.vault.note_name(&request.key, true),
            Err(failure) if failure.is_not_found() => self.vault.note_name(&request.key, false),
            Err(_) => {}
        }
    }

    /// Notes that an optional secret does not exist. The offline cache may not have it for another reason.
    fn note_absence(&self, failure: &Failure) {
        let message = failure.message().unwrap_or_default();
        let message = format_args!("{message}; it is optional");
        match self.offline {
            Some(_) => self.vault.messages.note(message),
            None => self.vault.messages.detail(message),
        }
    }

    /// Reads the names and dates of all secrets.
    pub(crate) fn list(&self) -> Result<Vec<SecretMetadata>, Failure> {
        match self.offline {
            Some(offline) => offline.list(self.vault),
            None => read::list(self.vault),
        }
    }
}
