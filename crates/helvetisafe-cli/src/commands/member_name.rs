//! The arguments that name members, and their scopes.

use std::collections::BTreeSet;

use helvetisafe::organization::{ScopeList, is_name};
use helvetisafe::{Scope, Scopes};

use crate::failure::Failure;
use crate::ui::output::Output;

/// The scopes of an account that only reads.
const READER: [Scope; 3] = [
    Scope::SecretsRead,
    Scope::SecretsList,
    Scope::CredentialsRead,
];

/// The names of sets of scopes.
const SETS: [&str; 3] = ["reader", "member", "administrator"];

/// Parses the name of a new member: one line of text.
pub(super) fn parse(text: &str) -> Result<String, String> {
    match is_name(text) {
        true => Ok(text.to_owned()),
        false => {
            Err("a name is a line of 1 to 128 characters, without spaces around it".to_owned())
        }
    }
}

/// Parses the scopes of a new account or token: their names, or `reader`, `member` or `administrator`, separated by spaces or
/// commas.
pub(super) fn scopes(text: &str) -> Result<Scopes, Failure> {
    let words = text.split(|c: char| c == ',' || c.is_whitespace());
    let mut scopes = Scopes::NONE;
    for word in words.filter(|word| !word.is_empty()) {
        scopes.extend(named(word).ok_or_else(|| unknown(word))?);
    }
    if scopes.contains(Scope::CredentialsRead) {
        return Ok(scopes);
    }
    Err(Failure::usage(format_args!(
        "the scopes `{text}` lack {}, which an account needs to get its keys; add it",
        Scope::CredentialsRead
    )))
}

fn named(word: &str) -> Option<Scopes> {
    match word {
        "reader" => Some(READER.into()),
        "member" => Some(Scopes::ALL),
        "administrator" => Some(administrator()),
        scope => scope.parse::<Scope>().ok().map(Scopes::from),
    }
}

/// Returns all scopes.
pub(super) fn administrator() -> Scopes {
    Scope::ALL
        .iter()
        .chain(Scope::ADMINISTRATIVE)
        .copied()
        .collect()
}

fn unknown(word: &str) -> Failure {
    let all = Scope::ALL.iter().chain(Scope::ADMINISTRATIVE);
    let all: Vec<_> = all.map(|scope| scope.as_str()).collect();
    Failure::usage(format_args!(
        "`{word}` is not a scope; there are {}, and the sets reader, member and administrator",
        all.join(", ")
    ))
}

/// Returns the names in a list of scopes, also those that this version does not know.
pub(super) fn list(scopes: &ScopeList) -> Vec<&str> {
    let names = scopes.as_str().split(' ');
    names.filter(|name| !name.is_empty()).collect()
}

/// Returns the scopes for a column: on a terminal the name of a set, if they are all of one, and their names elsewhere.
pub(super) fn column(scopes: &[&str], output: &Output) -> String {
    let set = output.is_terminal().then(|| name_of_set(scopes));
    match set.flatten() {
        Some(name) => name.to_owned(),
        None => scopes.join(" "),
    }
}

/// Returns the name of the set that has these scopes and no others.
fn name_of_set(scopes: &[&str]) -> Option<&'static str> {
    let scopes: BTreeSet<_> = scopes.iter().copied().collect();
    SETS.into_iter().find(|name| {
        let set = named(name).unwrap_or(Scopes::NONE);
        set.iter().map(Scope::as_str).collect::<BTreeSet<_>>() == scopes
    })
}

/// Returns true if an account with these scopes is an administrator.
pub(super) fn is_administrator(scopes: &ScopeList) -> bool {
    list(scopes).contains(&Scope::OrganizationWrite.as_str())
}

/// Returns a name for a profile, a file or a folder of a member or a token: its own name, or `other` if that has characters
/// for which a shell or a profile needs quotes.
pub(super) fn file_name<'a>(name: &'a str, other: &'a str) -> &'a str {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    match !name.starts_with('-') && name.chars().all(is_plain) {
        true => name,
        false => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_and_scopes_can_be_combined() {
        for (text, expected) in [
            ("reader", "secrets:read secrets:list credentials:read"),
            (
                "reader,secrets:write",
                "secrets:read secrets:write secrets:list credentials:read",
            ),
            (
                " credentials:read  secrets:read ",
                "secrets:read credentials:read",
            ),
            (
                "member audit:read",
                "secrets:read secrets:write secrets:delete secrets:list credentials:read audit:read",
            ),
        ] {
            assert_eq!(scopes(text).unwrap().to_string(), expected, "{text}");
        }
        assert!(
            scopes("administrator")
                .unwrap()
                .contains(Scope::OrganizationWrite)
        );
        assert!(!scopes("member").unwrap().contains(Scope::OrganizationRead));
        for text in ["", "reader admin", "secrets:read", "Reader"] {
            assert!(scopes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_set_has_its_scopes_and_no_others() {
        for set in SETS {
            let list = ScopeList::from(scopes(set).unwrap());
            let mut names = super::list(&list);
            names.reverse();
            assert_eq!(name_of_set(&names), Some(set));
            names.pop();
            assert_eq!(name_of_set(&names), None, "{set}");
        }
        let more = "secrets:read secrets:list credentials:read other:scope";
        assert_eq!(name_of_set(&more.split(' ').collect::<Vec<_>>()), None);
        assert_eq!(name_of_set(&[]), None);
    }

    #[test]
    fn a_name_is_one_line() {
        for name in ["bob", "Zoë Müller", "ci/deploy #2"] {
            assert_eq!(parse(name).as_deref(), Ok(name));
        }
        for name in ["", " bob", "a\nb", "\u{1b}[2J", &"x".repeat(129)] {
            assert!(parse(name).is_err(), "{name:?}");
        }
    }
}
