//! The names of secrets, members and invitations, for completions: a file of each kind for each vault, in `names` in the state
//! folder.
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

/// The kind of names in a file.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Secrets,
    Members,
    Invitations,
}

impl Kind {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Secrets => b"HelvetiSafe names v1\0",
            Self::Members => b"HelvetiSafe names of members v1\0",
            Self::Invitations => b"HelvetiSafe names of invitations v1\0",
        }
    }
}

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
        let known = names(Kind::Secrets, &settings.normalized_url()).into_iter();
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
        let text = read(Kind::Secrets, &url, insecure_permissions).unwrap_or_default();
        let old: BTreeSet<_> = text.lines().map(str::to_owned).collect();
        let mut new = old.clone();
        for (name, exists) in learned {
            match exists && !is_pending(&name) {
                true => new.insert(name),
                false => new.remove(&name),
            };
        }
        let text: String = new.iter().map(|name| format!("{name}\n")).collect();
        if new != old {
            store(Kind::Secrets, &url, &text, insecure_permissions, messages);
        }
    }
}

/// Stores the names of all members, or of all open invitations, of which it leaves out those that a shell would not take as one
/// word: they are any text, and a completion is typed without quotes.
pub(crate) fn note_all<'n>(
    kind: Kind,
    names: impl IntoIterator<Item = &'n str>,
    settings: &Settings,
    messages: Messages,
) {
    if !messages.is_terminal() {
        return;
    }
    let names: BTreeSet<_> = names.into_iter().filter(|name| is_word(name)).collect();
    let text: String = names.iter().map(|name| format!("{name}\n")).collect();
    let (url, insecure_permissions) = (settings.normalized_url(), settings.insecure_permissions);
    if read(kind, &url, insecure_permissions).unwrap_or_default() != text {
        store(kind, &url, &text, insecure_permissions, messages);
    }
}

fn is_word(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._@+-".contains(c);
    !name.is_empty() && !name.starts_with('-') && name.chars().all(is_plain)
}

/// Writes a file. A failed write does not fail the command.
fn store(kind: Kind, url: &str, text: &str, insecure_permissions: bool, messages: Messages) {
    if let Err(error) = write(kind, url, text, insecure_permissions) {
        messages.detail(format_args!(
            "cannot store the names for completions: {error}"
        ));
    }
}

/// Returns the names of a kind in the vault with this normalized URL; none if there is no file.
pub(crate) fn names(kind: Kind, url: &str) -> Vec<String> {
    let text = read(kind, url, false).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn read(kind: Kind, url: &str, insecure_permissions: bool) -> Option<String> {
    let state = StateFolder::open(&state_folder::path().ok()??, insecure_permissions).ok()??;
    let folder = state.open_folder(FOLDER).ok()??;
    let text = folder
        .read(&file_name(kind, url), "the names for completions")
        .ok()??;
    String::from_utf8(text).ok()
}

fn write(kind: Kind, url: &str, text: &str, insecure_permissions: bool) -> std::io::Result<()> {
    let Ok(Some(path)) = state_folder::path() else {
        return Ok(());
    };
    let state = StateFolder::create(&path, insecure_permissions)?;
    let folder = state.create_folder(FOLDER)?;
    folder.write(&file_name(kind, url), text.as_bytes())
}

/// Returns a name that fits every file system.
fn file_name(kind: Kind, url: &str) -> String {
    let digest = Sha256::new()
        .chain_update(kind.label())
        .chain_update(url.as_bytes())
        .finalize();
    format!("{}.txt", random::hex(&digest[..NAME_LENGTH]).as_str())
}
