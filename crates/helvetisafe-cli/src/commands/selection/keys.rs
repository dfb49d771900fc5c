//! The rule that selects secrets, for every command that would otherwise take all.
//!
//! 1. `--key` names secrets.
//! 2. `--prefix` adds the listed secrets whose keys begin with it.
//! 3. Without any option all listed secrets are selected.
//! 4. If HELVETISAFE_SECRET_KEYS is set, 2 and 3 use its names instead of the vault's list.
//! 5. Pending rotations in the vault's list are not selected.

use helvetisafe::KeyName;

use crate::failure::Failure;
use crate::ui::key_names::{self, VARIABLE};

/// The selected keys.
#[derive(Clone, Debug)]
pub(in crate::commands) struct Keys {
    named: Vec<KeyName>,
    others: Option<Others>,
}

/// The selected keys that no option names.
#[derive(Clone, Debug)]
struct Others {
    /// The beginning of their names; the empty one selects all.
    prefix: String,
    /// The names in the variable; `None` stands for the list of the vault.
    among: Option<Vec<KeyName>>,
}

impl Keys {
    /// Applies the rule to the options `--key` and `--prefix`.
    pub(in crate::commands) fn new(
        named: &[String],
        prefix: Option<&str>,
    ) -> Result<Self, Failure> {
        let named = key_names::parse_all(named)?;
        let others = match prefix {
            None if !named.is_empty() => None,
            prefix => Some(Others::new(prefix.unwrap_or_default())?),
        };
        Ok(Self { named, others })
    }

    /// Selects all that the vault lists, whatever the variable says.
    pub(super) fn all() -> Self {
        let others = Others {
            prefix: String::new(),
            among: None,
        };
        Self {
            named: Vec::new(),
            others: Some(others),
        }
    }

    /// Selects nothing.
    pub(super) fn none() -> Self {
        Self {
            named: Vec::new(),
            others: None,
        }
    }

    /// Fails if an option names a secret that the variable does not: for a server the variable is a limit.
    pub(in crate::commands) fn within_variable(self) -> Result<Self, Failure> {
        let Some(limit) = key_names::from_variable()? else {
            return Ok(self);
        };
        match self.named.iter().find(|key| !limit.contains(key)) {
            Some(key) => Err(Failure::usage(format_args!(
                "--key {key} is not among the secrets in {VARIABLE}; add it there, or unset the \
                 variable"
            ))),
            None => Ok(self),
        }
    }

    /// Returns true if a secret is selected, if it exists.
    pub(in crate::commands) fn contains(&self, key: &KeyName) -> bool {
        let others = self.others.as_ref();
        self.named.contains(key) || others.is_some_and(|others| others.contains(key))
    }

    /// Returns the keys that options and the variable name one by one.
    pub(in crate::commands) fn named(&self) -> impl Iterator<Item = &KeyName> {
        let others = self.others.iter().flat_map(Others::named);
        let others = others.filter(|key| !self.named.contains(key));
        self.named.iter().chain(others)
    }

    /// Returns the prefix of further keys in the list of the vault; `None` if the list is not needed.
    pub(in crate::commands) fn listed_prefix(&self) -> Option<&str> {
        let others = self.others.as_ref()?;
        others.among.is_none().then_some(&others.prefix)
    }
}

impl Others {
    /// Fails if the variable has no name with the prefix: a wrong prefix must not look like success.
    fn new(prefix: &str) -> Result<Self, Failure> {
        let others = Self {
            prefix: prefix.to_owned(),
            among: key_names::from_variable()?,
        };
        if others.among.is_some() && others.named().next().is_none() {
            return Err(Failure::usage(format_args!(
                "no secret in {VARIABLE} begins with `{prefix}`; add it there, unset the variable, or \
                 leave --prefix out"
            )));
        }
        Ok(others)
    }

    fn contains(&self, key: &KeyName) -> bool {
        let is_among = match &self.among {
            Some(among) => among.contains(key),
            None => !key_names::is_pending(key.as_str()),
        };
        is_among && key.as_str().starts_with(&self.prefix)
    }

    fn named(&self) -> impl Iterator<Item = &KeyName> {
        let among = self.among.as_ref().map_or([].iter(), |among| among.iter());
        among.filter(|key| self.contains(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(names: &[&str]) -> Vec<KeyName> {
        let names = names.iter().map(|name| KeyName::parse(*name).unwrap());
        names.collect()
    }

    fn keys(named: &[&str], prefix: Option<&str>, variable: Option<&[&str]>) -> Keys {
        let others = Others {
            prefix: prefix.unwrap_or_default().to_owned(),
            among: variable.map(parse),
        };
        Keys {
            named: parse(named),
            others: (named.is_empty() || prefix.is_some()).then_some(others),
        }
    }

    /// Returns the selected ones of A, APP_A and APP_B, the named ones, and the prefix in the list.
    fn outcome(keys: &Keys) -> (String, String, Option<&str>) {
        let join = |names: Vec<&str>| names.join(" ");
        let all = parse(&["A", "APP_A", "APP_B"]);
        let selected = all.iter().filter(|key| keys.contains(key));
        (
            join(selected.map(KeyName::as_str).collect()),
            join(keys.named().map(KeyName::as_str).collect()),
            keys.listed_prefix(),
        )
    }

    #[test]
    fn a_pending_rotation_is_selected_by_its_name_only() {
        const PENDING: &str = "A__PENDING_ROTATION";
        let key = KeyName::parse(PENDING).unwrap();
        for (keys, is_selected) in [
            (Keys::all(), false),
            (keys(&[], None, None), false),
            (keys(&[], Some("A"), None), false),
            (keys(&[PENDING], None, None), true),
            (keys(&[], None, Some(&[PENDING])), true),
        ] {
            assert_eq!(keys.contains(&key), is_selected, "{keys:?}");
        }
    }

    #[test]
    fn the_variable_stands_in_place_of_the_list() {
        let app = Some("APP_");
        let two: Option<&[&str]> = Some(&["A", "APP_A"]);
        for (keys, selected, named, listed) in [
            (keys(&[], None, None), "A APP_A APP_B", "", Some("")),
            (keys(&["A"], None, None), "A", "A", None),
            (keys(&[], app, None), "APP_A APP_B", "", app),
            (keys(&["A"], app, None), "A APP_A APP_B", "A", app),
            (keys(&[], None, two), "A APP_A", "A APP_A", None),
            (keys(&[], app, two), "APP_A", "APP_A", None),
            (keys(&["A"], None, two), "A", "A", None),
            (
                keys(&["APP_B"], app, two),
                "APP_A APP_B",
                "APP_B APP_A",
                None,
            ),
        ] {
            let wanted = (selected.to_owned(), named.to_owned(), listed);
            assert_eq!(outcome(&keys), wanted, "{keys:?}");
        }
    }
}
