//! The selection of the served secrets.

use helvetisafe::KeyName;

use crate::failure::Failure;
use crate::ui::key_names::{self, VARIABLE};

/// The named secrets and those with a prefix, or all if neither is given. The variable limits them.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    named: Vec<KeyName>,
    prefix: Option<String>,
    limit: Option<Vec<KeyName>>,
}

impl Keys {
    pub(super) fn new(named: &[String], prefix: Option<&str>) -> Result<Self, Failure> {
        let keys = Self {
            named: key_names::parse_all(named)?,
            prefix: prefix.map(str::to_owned),
            limit: key_names::from_variable()?,
        };
        match keys.named.iter().find(|key| !keys.is_served(key)) {
            Some(key) => Err(Failure::usage(format_args!(
                "--key {key} is not among the secrets in {VARIABLE}; add it there, or unset the \
                 variable"
            ))),
            None => Ok(keys),
        }
    }

    /// Returns whether a secret is served.
    pub(super) fn is_served(&self, key: &KeyName) -> bool {
        let is_chosen = self.named.contains(key)
            || match &self.prefix {
                Some(prefix) => key.as_str().starts_with(prefix.as_str()),
                None => self.named.is_empty(),
            };
        is_chosen && self.limit.as_ref().is_none_or(|limit| limit.contains(key))
    }

    /// Returns the secrets that are named one by one.
    pub(super) fn named(&self) -> impl Iterator<Item = &KeyName> {
        let limit = self.limit.iter().flatten();
        let limit = limit.filter(|key| !self.named.contains(key) && self.is_served(key));
        self.named.iter().chain(limit)
    }

    /// Returns whether the list of the vault is needed for further names.
    pub(super) fn needs_list(&self) -> bool {
        self.limit.is_none() && (self.named.is_empty() || self.prefix.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(named: &[&str], prefix: Option<&str>, limit: Option<&[&str]>) -> Keys {
        let parse = |names: &[&str]| {
            let names = names.iter().map(|name| KeyName::parse(*name).unwrap());
            names.collect::<Vec<_>>()
        };
        Keys {
            named: parse(named),
            prefix: prefix.map(str::to_owned),
            limit: limit.map(parse),
        }
    }

    /// Returns the served ones of A, APP_A and APP_B, the named ones, and whether a list is needed.
    fn outcome(keys: &Keys) -> (String, String, bool) {
        let join = |names: Vec<&str>| names.join(" ");
        let all = ["A", "APP_A", "APP_B"].map(|name| KeyName::parse(name).unwrap());
        let served = all.iter().filter(|key| keys.is_served(key));
        (
            join(served.map(KeyName::as_str).collect()),
            join(keys.named().map(KeyName::as_str).collect()),
            keys.needs_list(),
        )
    }

    #[test]
    fn named_secrets_are_served_within_the_limit_of_the_variable() {
        let app = Some("APP_");
        for (keys, served, named, needs_list) in [
            (keys(&[], None, None), "A APP_A APP_B", "", true),
            (keys(&["A"], None, None), "A", "A", false),
            (keys(&[], app, None), "APP_A APP_B", "", true),
            (keys(&["A"], app, None), "A APP_A APP_B", "A", true),
            (
                keys(&[], None, Some(&["A", "APP_A"])),
                "A APP_A",
                "A APP_A",
                false,
            ),
            (
                keys(&[], app, Some(&["A", "APP_A"])),
                "APP_A",
                "APP_A",
                false,
            ),
            (keys(&["A"], None, Some(&["A", "APP_A"])), "A", "A", false),
        ] {
            let wanted = (served.to_owned(), named.to_owned(), needs_list);
            assert_eq!(outcome(&keys), wanted, "{keys:?}");
        }
    }
}
