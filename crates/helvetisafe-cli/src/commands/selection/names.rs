//! Dangerous names of variables: their values decide what programs run, load, trust or connect to.
//!
//! This is a second line of defence, since no list is complete. Names that the user chose are checked
//! against a short list, to stop accidents. Names that the vault or a file of a project chose are checked
//! against the whole list, since another person could have chosen such names on purpose.

mod table;

use std::borrow::Cow;

use table::{LOOSE, PEER_WORDS, PEERS, TABLE};

/// The party that chose the name of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum NamedBy {
    /// The user, by `--key`, `--env` or `HELVETISAFE_SECRET_KEYS`.
    User,
    /// The author of a project file or an env file.
    File,
    /// The author of a project file that was found by a search, who also chose a default value.
    FileWithDefault,
    /// The vault: the name of a field, or of a secret that was found in the list.
    Vault,
}

/// The reason to refuse a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Danger {
    /// The reason for the refusal: "a name that …".
    pub(super) reason: &'static str,
    /// Set if the name is refused even if the user chose it.
    pub(super) is_for_user: bool,
}

/// Returns the reason to refuse a name.
pub(super) fn danger(name: &str, named_by: NamedBy) -> Option<Danger> {
    let peer = || (named_by == NamedBy::FileWithDefault && selects_peer(name)).then_some(PEER);
    in_table(name, named_by).or_else(peer)
}

fn in_table(name: &str, named_by: NamedBy) -> Option<Danger> {
    let groups = TABLE.iter().map(|group| (group, false));
    let mut groups = groups.chain(LOOSE.iter().map(|group| (group, true)));
    groups.find_map(|(group, is_loose)| {
        let has = |rows: &str| {
            let mut rows = rows.split_ascii_whitespace();
            rows.any(|row| matches(row, name, is_loose))
        };
        let is_for_user = has(group.always);
        let is_refused = is_for_user || (named_by != NamedBy::User && has(group.from_vault));
        is_refused.then_some(Danger {
            reason: group.reason,
            is_for_user,
        })
    })
}

/// A secret under such a name is a choice of the user. A default is one of the file's author, who could send a
/// program with its password to another host.
pub(super) const PEER: Danger = Danger {
    reason: "says where programs connect or whom they trust, and it has a default in a file that was found \
             by a search",
    is_for_user: false,
};

/// Returns true if programs probably read from a variable where to connect, or how to authenticate the peer.
fn selects_peer(name: &str) -> bool {
    let is_in = |rows: &str, name: &str| {
        let mut rows = rows.split_ascii_whitespace();
        rows.any(|row| matches(row, name, true))
    };
    let mut words = name
        .split('_')
        .map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()));
    is_in(PEERS, name) || words.any(|word| is_in(PEER_WORDS, word))
}

/// Returns the reason if a name that the vault chose is refused.
pub(in crate::commands) fn refused_from_vault(name: &str) -> Option<&'static str> {
    danger(name, NamedBy::Vault).map(|danger| danger.reason)
}

fn matches(row: &str, name: &str, is_loose: bool) -> bool {
    let name = canonical(name, is_loose);
    match row.split_once('*') {
        None => name == canonical(row, is_loose),
        Some((head, tail)) => {
            let rest = name.strip_prefix(&*canonical(head, is_loose));
            rest.is_some_and(|rest| rest.ends_with(&*canonical(tail, is_loose)))
        }
    }
}

/// Returns the spelling for comparisons. Windows ignores the case of names. Some programs do so on every
/// system, and treat `-` as `_`.
fn canonical(name: &str, is_loose: bool) -> Cow<'_, str> {
    if is_loose {
        name.to_ascii_uppercase().replace('-', "_").into()
    } else if cfg!(windows) {
        name.to_ascii_uppercase().into()
    } else {
        name.into()
    }
}

#[cfg(test)]
mod tests;
