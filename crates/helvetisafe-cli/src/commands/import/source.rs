//! The names and values of a file to import.

use std::path::Path;

use clap::ValueEnum;

use super::pair::{Pair, Problem};
use super::{dotenv, structured};
use crate::failure::Failure;
use crate::ui::input_file::{self, STDIN};

/// The format of a file.
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
    /// Returns the format that the name of a file shows.
    pub(super) fn of(path: &Path) -> Result<Self, Failure> {
        if path.as_os_str() == STDIN {
            return Err(Failure::usage(
                "standard input has no name that shows its format; give --format",
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
                "the name of {} does not show its format; give --format",
                input_file::name(path)
            ))),
        }
    }
}

/// Reads the pairs of a file, in order, and describes what is wrong in its syntax without quoting it.
pub(super) fn read(text: &str, format: Format) -> (Vec<Pair>, Vec<Problem>) {
    let read = match format {
        Format::Dotenv => return dotenv::read(text),
        Format::Json => structured::json(text),
        Format::Yaml => structured::yaml(text),
    };
    match read {
        Ok(pairs) => (pairs, Vec::new()),
        Err(problem) => (Vec::new(), vec![Problem::of_file(problem)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_shows_its_format() {
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
