//! Where the configuration file is.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;

use crate::failure::Failure;

/// Where the file is when nobody says: the XDG base directory specification.
pub(super) fn usual_file() -> Option<PathBuf> {
    let folder = path_variable("XDG_CONFIG_HOME").filter(|folder| folder.is_absolute());
    let home = || env::home_dir().filter(|home| home != OsStr::new(""));
    let folder = folder.or_else(|| Some(home()?.join(".config")))?;
    Some(folder.join("helvetisafe").join("config.toml"))
}

pub(super) fn path_variable(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

pub(super) fn text_variable(name: &'static str) -> Result<Option<String>, Failure> {
    let value = env::var_os(name).filter(|value| !value.is_empty());
    value
        .map(|value| {
            value.into_string().map_err(|_| {
                Failure::usage(format_args!("the variable {name} is not valid Unicode"))
            })
        })
        .transpose()
}
