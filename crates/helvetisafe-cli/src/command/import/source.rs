//! What is in a file, before it is known whether it can be a secret.

use std::path::Path;

use clap::ValueEnum;
use zeroize::Zeroizing;

use super::{dotenv, structured};
use crate::failure::Failure;
use crate::input::{self, STDIN};

/// What a file can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Lines NAME=VALUE.
    Dotenv,
    /// An object of texts, or of objects of texts.
    Json,
    /// YAML of the same shape.
    Yaml,
}

impl Format {
    /// What the name of a file tells.
    pub(super) fn of(path: &Path) -> Result<Self, Failure> {
        if path.as_os_str() == STDIN {
            return Err(Failure::usage(
                "standard input has no name that tells its format; give --format",
            ));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        match extension.as_ref() {
            "env" | "dotenv" => Ok(Self::Dotenv),
            "json" => Ok(Self::Json),
            "yaml" | "yml" => Ok(Self::Yaml),
            _ if name == ".env" || name.starts_with(".env.") => Ok(Self::Dotenv),
            _ => Err(Failure::usage(format_args!(
                "the name of {} does not tell its format; give --format",
                input::name(path)
            ))),
        }
    }
}

/// A name and what it has, as they stand in the file.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) value: Value,
}

pub(super) enum Value {
    Text(Zeroizing<String>),
    Object(Vec<Found>),
    /// Anything else, as it is called in messages.
    Other(&'static str),
}

/// All names of a file in their order; or why it cannot be read, without any of its contents.
pub(super) fn read(text: &str, format: Format) -> Result<Vec<Found>, Vec<String>> {
    match format {
        Format::Dotenv => dotenv::read(text),
        Format::Json => structured::json(text).map_err(|problem| vec![problem]),
        Format::Yaml => structured::yaml(text).map_err(|problem| vec![problem]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_tells_its_format() {
        for (name, format) in [
            (".env", Some(Format::Dotenv)),
            ("app/.env.local", Some(Format::Dotenv)),
            ("prod.env", Some(Format::Dotenv)),
            ("a.json", Some(Format::Json)),
            (".env.json", Some(Format::Json)),
            ("a.yml", Some(Format::Yaml)),
            ("a.txt", None),
            ("-", None),
        ] {
            assert_eq!(Format::of(Path::new(name)).ok(), format, "{name}");
        }
    }
}
