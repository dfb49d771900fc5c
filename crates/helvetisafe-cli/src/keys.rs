//! The names of secrets as they are typed.

use helvetisafe::KeyName;

use crate::failure::Failure;

/// Reads one name. Not clap's business: clap would echo `KEY=VALUE`, and with it a secret.
pub(crate) fn parse(key: &str) -> Result<KeyName, Failure> {
    if key.contains('=') {
        return Err(Failure::usage(
            "the name of a secret holds no `=`, and a value as an argument would be seen by every \
             user of this machine; pipe the value into `set KEY`, or run it on a terminal to be \
             asked",
        ));
    }
    KeyName::parse(key).map_err(Failure::usage)
}

/// Reads all names before anything is done with one.
pub(crate) fn parse_all(keys: &[String]) -> Result<Vec<KeyName>, Failure> {
    keys.iter().map(|key| parse(key)).collect()
}
