//! The names of secrets, for completions: one file for each vault, in `names` in the state folder.
//!
//! A name is not secret, but only this user can read the file. It is written by commands on a terminal alone:
//! scripts complete nothing. Of two commands that write it at the same time, the last one wins.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use helvetisafe::{KeyName, SecretMetadata};
use sha2::{Digest, Sha256};

use crate::fs::state_folder::{self, StateFolder};
use crate::random;
use crate::settings::Settings;
use crate::ui::key_names::is_pending;
use crate::ui::messages::Messages;

/// The folder, in the state folder.
const FOLDER: &str = "names";
/// The bytes of the digest that names the file.
const NAME_LENGTH: usize = 16;

/// The names that a command learns of: whether a secret exists.
#[derive(Default)]
pub(super) struct Learned(RefCell<BTreeMap<String, bool>>);

impl Learned {
    pub(super) fn note(&self, key: &KeyName, exists: bool) {
        self.0.borrow_mut().insert(key.to_string(), exists);
    }

    /// Replaces the known names by a complete list.
    pub(super) fn note_list(&self, listed: &[SecretMetadata], settings: &Settings) {
        let mut learned = self.0.borrow_mut();
        let known = names(&settings.normalized_url()).into_iter();
        *learned = known.map(|name| (name, false)).collect();
        let listed = listed.iter().filter_map(|secret| secret.key().valid());
        learned.extend(listed.map(|key| (key.to_string(), true)));
    }

    /// Stores the names, if they have changed. A failed write does not fail the command, since only completions
    /// need the file.
    pub(super) fn save(&self, settings: &Settings, messages: Messages) {
        let learned = self.0.take();
        if learned.is_empty() || !messages.is_terminal() {
            return;
        }
        let (url, insecure_permissions) =
            (settings.normalized_url(), settings.insecure_permissions);
        let text = read(&url, insecure_permissions).unwrap_or_default();
        let old: BTreeSet<_> = text.lines().map(str::to_owned).collect();
        let mut new = old.clone();
        for (name, exists) in learned {
            match exists && !is_pending(&name) {
                true => new.insert(name),
                false => new.remove(&name),
            };
        }
        let text: String = new.iter().map(|name| format!("{name}\n")).collect();
        if new != old
            && let Err(error) = write(&url, &text, insecure_permissions)
        {
            messages.detail(format_args!(
                "cannot store the names for completions: {error}"
            ));
        }
    }
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
