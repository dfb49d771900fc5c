//! Names of secrets, from arguments or a variable.

use std::env;
use std::ffi::OsString;
use std::fmt::Display;

use helvetisafe::{InvalidKeyName, KeyName};

use crate::advice;
use crate::failure::Failure;

/// The variable with names of secrets, separated by commas.
pub(crate) const VARIABLE: &str = "HELVETISAFE_SECRET_KEYS";

/// Parses a name. A parser of clap would print `KEY=VALUE` on failure, and with it a secret.
pub(crate) fn parse(key: &str) -> Result<KeyName, Failure> {
    KeyName::parse(key).map_err(|error| refused(key, error))
}

/// The failure to parse a name, or a text that begins with one.
pub(crate) fn refused(text: &str, error: InvalidKeyName) -> Failure {
    if text.contains('=') {
        return Failure::usage(
            "the name of a secret cannot contain `=`; if a value follows it, every user of this machine \
             could see it; pipe the value into `set KEY`, or run `set KEY` on a terminal to be \
             asked",
        );
    }
    match is_reference(text) {
        true => Failure::usage(error).with_advice(
            "give the name of the secret alone, and a field with --field FIELD, or with --env NAME=KEY.FIELD; \
             hs://KEY#FIELD is for env files",
        ),
        false => Failure::usage(error),
    }
}

/// Returns true if a text names a secret as another place does: `hs://KEY#FIELD`, `KEY#FIELD` or `KEY.FIELD`.
fn is_reference(text: &str) -> bool {
    let rest = text.strip_prefix("hs://");
    let key = rest.unwrap_or(text).split(['#', '.']).next();
    key != Some(text) && key.is_some_and(|key| KeyName::parse(key).is_ok())
}

/// Parses several names.
pub(crate) fn parse_all(keys: &[String]) -> Result<Vec<KeyName>, Failure> {
    keys.iter().map(|key| parse(key)).collect()
}

/// The end of the name of a secret with a pending rotation.
const PENDING: &str = "__PENDING_ROTATION";

/// Returns the name of the secret with the pending rotation of another one.
pub(crate) fn pending(key: &KeyName) -> Result<KeyName, Failure> {
    KeyName::parse(format!("{key}{PENDING}")).map_err(|error| {
        Failure::usage(format_args!(
            "the pending rotation of `{key}` needs the name `{key}{PENDING}`, but {error}; give the secret a \
             shorter name with {}",
            advice::command(format_args!("move {key} NEW_NAME"))
        ))
    })
}

/// Returns true if a secret is a pending rotation, which no program is to get.
pub(crate) fn is_pending(name: &str) -> bool {
    name.ends_with(PENDING)
}

/// Returns the names in [`VARIABLE`]; `None` if it is unset or empty. An unreadable variable is an error,
/// since it may limit what others get.
pub(crate) fn from_variable() -> Result<Option<Vec<KeyName>>, Failure> {
    let list = env::var_os(VARIABLE).filter(|list| !list.is_empty());
    list.map(parse_list).transpose()
}

/// Parses the variable. A variable without any name is an error: it is probably a mistake.
fn parse_list(list: OsString) -> Result<Vec<KeyName>, Failure> {
    let wrong = |why: &dyn Display| Failure::usage(format_args!("the variable {VARIABLE}: {why}"));
    let list = list
        .into_string()
        .map_err(|_| wrong(&"it is not valid Unicode; set it again"))?;
    let names = list
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let keys = names.map(|name| KeyName::parse(name).map_err(|error| wrong(&error)));
    let keys: Vec<_> = keys.collect::<Result<_, _>>()?;
    if keys.is_empty() {
        return Err(wrong(&"it names no secret; unset it to take all"));
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_names_secrets_between_commas() {
        let keys = parse_list(" A, B,,C ,".into()).unwrap();
        assert_eq!(
            keys.iter().map(KeyName::as_str).collect::<Vec<_>>(),
            ["A", "B", "C"]
        );
        for list in ["A;B", ",", " ", "A\u{fffd}"] {
            assert!(parse_list(list.into()).is_err(), "{list}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_unicode_is_an_error() {
        use std::os::unix::ffi::OsStringExt;

        let failure = parse_list(OsString::from_vec(b"A\xff".to_vec())).unwrap_err();
        assert!(failure.message().unwrap().contains("not valid Unicode"));
    }
}
