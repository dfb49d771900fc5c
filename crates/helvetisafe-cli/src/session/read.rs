//! Reads of several secrets from the vault.

use helvetisafe::{Error, ErrorKind, KeyName, Secret, SecretMetadata, Secrets};

use super::vault::Vault;
use crate::failure::Failure;
use crate::ui::progress::Progress;

/// A secret to read, and the fields of it that the user named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretRequest {
    pub(crate) key: KeyName,
    pub(crate) fields: Vec<String>,
    /// Set if it need not exist.
    pub(crate) is_optional: bool,
}

impl SecretRequest {
    /// Requests a whole secret.
    pub(crate) fn whole(key: KeyName) -> Self {
        Self {
            key,
            fields: Vec::new(),
            is_optional: false,
        }
    }

    pub(super) fn read(&self, secrets: Secrets<'_>) -> Result<Secret, Error> {
        let fields: Vec<_> = self.fields.iter().map(String::as_str).collect();
        secrets.get_with_fields(&self.key, &fields)
    }
}

/// Reads secrets from the vault. Returns one outcome for each request, in the same order.
pub(super) fn secrets(
    requests: &[SecretRequest],
    vault: &Vault,
) -> Result<Vec<Result<Secret, Failure>>, Failure> {
    // Before the progress bar appears, since a command may ask the user for a password.
    vault.settings()?.read_secrets()?;
    let progress = Progress::new(requests.len(), vault.messages);
    vault.client_for(requests.iter().map(|request| &request.key))?;
    let read = |secrets: Secrets<'_>| {
        let read = |request: &SecretRequest| request.read(secrets);
        secrets.each(requests, read, |_| progress.advance())
    };
    let outcomes = vault.read(read)?;
    drop(progress);
    let outcomes = requests.iter().zip(outcomes);
    let explained = outcomes.map(|(request, outcome)| {
        outcome.map_err(|error| match error.kind() {
            // No similar name is needed.
            ErrorKind::NotFound if request.is_optional => error.into(),
            _ => vault.failure(error),
        })
    });
    Ok(explained.collect())
}

/// Reads the names and dates of all secrets from the vault.
pub(super) fn list(vault: &Vault) -> Result<Vec<SecretMetadata>, Failure> {
    let listed = vault.read(|secrets| secrets.list())??;
    vault.note_list(&listed)?;
    Ok(listed)
}
