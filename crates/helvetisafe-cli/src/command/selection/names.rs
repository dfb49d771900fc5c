//! Names of variables that do more than carry a value: with one of them, its value decides what the
//! programs that see it run, load, trust or connect to.
//!
//! A second line of defence: no list can have every name that some program acts upon. What the user
//! typed is held against a short list, to stop accidents; what the vault's data brings along,
//! against all of them, since an operator of a vault could choose such names on purpose.

mod table;

use std::borrow::Cow;

use table::{LOOSE, TABLE};

/// The configuration of this command, its credentials included.
const OURS: &str = "HELVETISAFE_*";

/// The party that chose the name of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NamedBy {
    /// The user, by `--key`, `--env` or `HELVETISAFE_SECRET_KEYS`.
    User,
    /// The vault: the name of a field, or of a secret that was found in the list.
    Vault,
}

/// Names with one reason to refuse them.
struct Group {
    /// The reason, for messages: "a name that …".
    reason: &'static str,
    /// The names that are refused even where the user chose them, separated by white space. A `*`
    /// stands for any text.
    always: &'static str,
    /// Those that are refused where the vault chose them.
    from_vault: &'static str,
}

/// The reason to refuse a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Danger {
    /// The reason for the refusal: "a name that …".
    pub(super) reason: &'static str,
    /// Set if the name is refused also where the user chose it.
    pub(super) is_for_user: bool,
}

/// Returns why a name is refused unless it is allowed by name.
pub(super) fn danger(name: &str, named_by: NamedBy) -> Option<Danger> {
    let groups = TABLE.iter().map(|group| (group, false));
    let mut groups = groups.chain(LOOSE.iter().map(|group| (group, true)));
    groups.find_map(|(group, is_loose)| {
        let has = |rows: &str| {
            let mut rows = rows.split_ascii_whitespace();
            rows.any(|row| matches(row, name, is_loose))
        };
        let is_for_user = has(group.always);
        let is_refused = is_for_user || (named_by == NamedBy::Vault && has(group.from_vault));
        is_refused.then_some(Danger {
            reason: group.reason,
            is_for_user,
        })
    })
}

/// Returns whether a variable configures this command.
pub(in crate::command) fn is_ours(name: &str) -> bool {
    matches(OURS, name, false)
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

/// On Windows the case of a name does not count; some programs take no notice of it anywhere, nor of
/// the difference between `-` and `_`.
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
