//! One file per secret, or per field.

use std::path::{Component, Path};

use secrecy::ExposeSecret;
use serde::Serialize;

use crate::commands::selection::{Variable, refuse};
use crate::failure::Failure;
use crate::fs::destination::is_leftover;
use crate::fs::{Access, create_folder};
use crate::ui::{Ui, output_file};

/// The longest name of a file, in bytes.
const LONGEST_NAME: usize = 255;

/// The output of `--json` for each file; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    output: String,
}

/// Writes each variable into a file of its name. Names are checked before the first file is written.
pub(super) fn write(
    folder: &Path,
    variables: &[Variable],
    access: Access,
    ui: &Ui,
) -> Result<(), Failure> {
    refuse(variables, ui.messages, |variable| {
        let reason = refusal(&variable.name)?;
        Some(format!("{} {reason}", variable.described()))
    })?;
    create_folder(folder, access).map_err(|error| {
        let folder = folder.display();
        Failure::other(format_args!("cannot create the folder {folder}: {error}"))
    })?;
    for variable in variables {
        let file = folder.join(&variable.name);
        let value = variable.value.expose_secret().as_bytes();
        output_file::write(&file, value, access, ui.messages)?;
        if ui.json {
            ui.output.json(&Json {
                key: variable.key().as_str(),
                field: variable.field(),
                output: file.display().to_string(),
            })?;
        }
    }
    let (count, folder) = (variables.len(), folder.display());
    ui.messages
        .done(format_args!("wrote {count} files into {folder}"));
    Ok(())
}

/// Returns the reason if a name is not that of a file in the folder: a field can have any name, also one that
/// leads out of it. Kubernetes keeps names that begin with two dots for itself.
fn refusal(name: &str) -> Option<&'static str> {
    let mut components = Path::new(name).components();
    let is_one = matches!(components.next(), Some(Component::Normal(first)) if first == name)
        && components.next().is_none();
    let is_file = is_one && !name.starts_with("..") && !name.contains(['\\', ':']);
    if !is_file || name.contains(char::is_control) {
        Some(
            "cannot be the name of a file: it must not be empty, begin with two dots, or contain a slash, \
             a backslash, a colon or control characters; name it with --env NAME=KEY or NAME=KEY.FIELD",
        )
    } else if is_leftover(name) {
        Some(
            "is the name of a temporary file, which the next write would remove; name it with --env NAME=KEY \
             or NAME=KEY.FIELD",
        )
    } else if name.len() > LONGEST_NAME {
        Some("is too long for the name of a file; name it with --env NAME=KEY or NAME=KEY.FIELD")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_the_folder() {
        for name in [
            "A",
            "tls.crt",
            ".dockerconfigjson",
            "a b",
            "é",
            "-",
            "~",
            "$x",
            "a..b",
            ".helvetisafe-notes.tmp",
        ] {
            assert_eq!(refusal(name), None, "{name}");
        }
        let long = "x".repeat(256);
        for name in [
            "",
            ".",
            "..",
            "...",
            "..data",
            "/",
            "/etc/passwd",
            "a/b",
            "a/",
            "./a",
            "a/.",
            "../a",
            "a\\b",
            "C:a",
            "a\0",
            "a\nb",
            "\u{85}",
            ".helvetisafe-0123456789abcdef.tmp",
            &long,
        ] {
            assert!(refusal(name).is_some(), "{name}");
        }
        assert_eq!(refusal(&long[1..]), None);
    }
}
