//! The names of secrets, for completions: one file for each vault, in `names` in the state folder.
//!
//! A name is not secret, but only this user can read the file. It is written by commands on a terminal alone:
//! scripts complete nothing.

use helvetisafe::SecretMetadata;
use sha2::{Digest, Sha256};

use super::vault::Vault;
use crate::failure::Failure;
use crate::fs::state_folder::{self, StateFolder};
use crate::random;
use crate::ui::key_names::is_pending;

/// The folder, in the state folder.
const FOLDER: &str = "names";
/// The bytes of the digest that names the file.
const NAME_LENGTH: usize = 16;

/// Stores the listed names, if they have changed. A failed write does not fail the command, since only completions
/// need the file.
pub(crate) fn save(listed: &[SecretMetadata], vault: &Vault) -> Result<(), Failure> {
    if !vault.messages.is_terminal() {
        return Ok(());
    }
    let names = listed.iter().filter_map(|secret| secret.key().valid());
    let names = names.filter(|key| !is_pending(key.as_str()));
    let text: String = names.map(|key| format!("{key}\n")).collect();
    let settings = vault.settings()?;
    let url = settings.normalized_url();
    if read(&url, settings.insecure_permissions).as_ref() != Some(&text)
        && let Err(error) = write(&url, &text, settings.insecure_permissions)
    {
        vault.messages.detail(format_args!(
            "cannot store the names for completions: {error}"
        ));
    }
    Ok(())
}

/// Returns the names of the vault with this normalized URL; none if there is no file.
pub(crate) fn names(url: &str) -> Vec<String> {
    let text = read(url, false).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn read(url: &str, insecure_permissions: bool) -> Option<String> {
    let state = StateFolder::open(&state_folder::path().ok()??, insecure_permissions).ok()??;
    let folder = state.open_folder(FOLDER).ok()??;
    let text = folder
        .read(&file_name(url), "the names for completions")
        .ok()??;
    String::from_utf8(text).ok()
}

fn write(url: &str, text: &str, insecure_permissions: bool) -> std::io::Result<()> {
    let Ok(Some(path)) = state_folder::path() else {
        return Ok(());
    };
    let state = StateFolder::create(&path, insecure_permissions)?;
    let folder = state.create_folder(FOLDER)?;
    folder.write(&file_name(url), text.as_bytes())
}

/// Returns a name that fits every file system.
fn file_name(url: &str) -> String {
    let digest = Sha256::new()
        .chain_update(b"HelvetiSafe names v1\0")
        .chain_update(url.as_bytes())
        .finalize();
    format!("{}.txt", random::hex(&digest[..NAME_LENGTH]).as_str())
}
