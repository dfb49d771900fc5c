//! "Did you mean".

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use helvetisafe::{Client, Error, ErrorKind, KeyName, SecretMetadata};

use crate::context::Context;
use crate::failure::Failure;

/// How alike two names have to be, from 0 to 1.
const ALIKE: f64 = 0.85;
/// How long a suggestion may hold up a failure.
const PATIENCE: Duration = Duration::from_secs(1);

/// The failure of a call; where there is no such secret, with the name that is most like it.
pub(crate) fn failure(error: Error, context: &Context) -> Failure {
    match (error.kind(), error.key()) {
        (ErrorKind::NotFound, Some(key)) => not_found(key, context),
        _ => error.into(),
    }
}

/// There is no such secret; where listing is allowed, with the name that is most like it.
pub(crate) fn not_found(key: &KeyName, context: &Context) -> Failure {
    let failure = Failure::not_found(key);
    match similar(key.as_str(), context) {
        Some(name) => failure.with_advice(&format!("did you mean `{name}`?")),
        None => failure,
    }
}

fn similar(key: &str, context: &Context) -> Option<String> {
    let names = context.names_to_suggest().iter().map(AsRef::as_ref);
    nearest(key, names).map(str::to_owned)
}

/// The names of all secrets; none for whoever may not list, or where that takes long: the failure
/// itself is known already. It takes no more than what is `left` of the time for the vault.
pub(crate) fn names(client: &Client, left: Option<Duration>) -> Vec<KeyName> {
    let patience = left.map_or(PATIENCE, |left| left.min(PATIENCE));
    let (sender, listed) = mpsc::channel();
    let client = client.clone();
    let list = move || {
        // After that time no receiver is left.
        let _ = sender.send(client.secrets().within(patience).list());
    };
    // It ends with the process.
    let started = thread::Builder::new().spawn(list);
    let listed = started
        .ok()
        .and_then(|_| listed.recv_timeout(patience).ok());
    let listed = listed.and_then(Result::ok).unwrap_or_default();
    let names = listed.iter().map(SecretMetadata::key);
    names.filter_map(|name| name.valid()).cloned().collect()
}

/// The name most like `wanted`, if one is alike; case does not count. It is never `wanted` itself,
/// which may have been made since it was looked for.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lowercase = wanted.to_ascii_lowercase();
    let likeness = |name: &str| strsim::jaro_winkler(&lowercase, &name.to_ascii_lowercase());
    names
        .filter(|&name| name != wanted)
        .map(|name| (likeness(name), name))
        .filter(|&(likeness, _)| likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_its_name() {
        let names = ["DB_PASSWORD", "DB_HOST", "API_KEY"];
        for (wanted, found) in [
            ("DB_PASWORD", Some("DB_PASSWORD")),
            ("db_host", Some("DB_HOST")),
            ("API_KEY", None),
            ("API_KEYS", Some("API_KEY")),
            ("UNLIKE", None),
        ] {
            assert_eq!(nearest(wanted, names.into_iter()), found, "{wanted}");
        }
    }
}
