//! The equality of two values of a setting, however they are written.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use crate::settings::entry::{Entry, RawValue};
use crate::settings::failover::words;
use crate::settings::secret::LazySecret;
use crate::settings::spec::Setting;
use crate::settings::vault_id;
use crate::ui::duration;

/// Returns true if two entries of one setting have the same value. Secrets are compared by their text, and
/// files by their contents. No command is run and no pipe is read, so those are never the same.
pub(super) fn is_same(one: &Entry, other: &Entry) -> bool {
    match (&one.value, &other.value) {
        (RawValue::Text(a), RawValue::Text(b)) => a == b || is_same_text(one.setting, a, b),
        (RawValue::Path(a), RawValue::Path(b)) if is_same_file(a, b) => true,
        _ if one.setting.is_secret() => match (secret(one), secret(other)) {
            (Some(a), Some(b)) => a.expose_secret() == b.expose_secret(),
            _ => false,
        },
        _ => false,
    }
}

fn is_same_text(setting: Setting, one: &str, other: &str) -> bool {
    match setting {
        Setting::BaseUrl => vault_id::normalized(one) == vault_id::normalized(other),
        Setting::Scopes => words(one).collect::<BTreeSet<_>>() == words(other).collect(),
        Setting::FailoverUrls => words(one).eq(words(other)),
        Setting::Timeout => {
            let time = duration::parse(one);
            time.is_some() && time == duration::parse(other)
        }
        _ => false,
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let real = |path| fs::canonicalize(path).ok();
    one == other || real(one).is_some_and(|one| real(other) == Some(one))
}

/// Returns a secret from a variable or a file. Whether other users may read the file is checked before it is
/// used.
fn secret(entry: &Entry) -> Option<SecretString> {
    match &entry.value {
        RawValue::Path(path) if !path.is_file() => return None,
        RawValue::Command(_) => return None,
        _ => {}
    }
    LazySecret::new(entry, true).read().ok().cloned()
}
