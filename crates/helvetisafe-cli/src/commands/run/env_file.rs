//! `--env-file FILE`: plain variables, and references to secrets.
//!
//! The file comes with a project, so its author is not trusted: its names are checked as strictly as those
//! that the vault chose.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use helvetisafe::KeyName;
use secrecy::SecretString;

use crate::commands::import::dotenv;
use crate::commands::import::pair::Value;
use crate::commands::selection::{IfMissing, NamedBy, Renamed, key_and_field};
use crate::failure::Failure;
use crate::once::get_or_make;
use crate::ui::input_file;
use crate::ui::messages::Messages;
use crate::ui::terminal::escape_line;

/// The beginning of a reference.
const SCHEME: &str = "hs://";

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Secrets")]
pub(super) struct EnvFileArgs {
    /// The variables of this file: NAME=hs://KEY is a secret, NAME=hs://KEY#FIELD one field of it, and any
    /// other NAME=VALUE is as it is.
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// The content of the file, which may be a pipe.
    #[arg(skip)]
    content: OnceCell<EnvFile>,
}

/// The variables of an env file.
#[derive(Debug)]
pub(super) struct EnvFile {
    pub(super) references: Vec<Renamed>,
    pub(super) plain: Vec<Plain>,
}

/// A variable that the file itself has.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) name: String,
    pub(super) value: SecretString,
}

impl EnvFileArgs {
    /// Returns the variables of the file, which is read once.
    pub(super) fn read(&self, messages: Messages) -> Result<Option<&EnvFile>, Failure> {
        let path = self.env_file.as_deref();
        let content = path.map(|path| get_or_make(&self.content, || read(path, messages)));
        content.transpose()
    }
}

/// Reads the file, or reports everything that is wrong in it.
fn read(path: &Path, messages: Messages) -> Result<EnvFile, Failure> {
    let text = input_file::read(path)?;
    parse(&text, |name| warn(path, name, messages)).map_err(|problems| {
        for problem in &problems {
            let message = format_args!("{}: {problem}", input_file::name(path));
            messages.failure(&Failure::usage(message));
        }
        Failure::usage("no program was started")
    })
}

/// Parses the text. `doubtful` gets the names of plain values that have a reference inside.
fn parse(text: &str, doubtful: impl Fn(&str)) -> Result<EnvFile, Vec<String>> {
    let (pairs, problems) = dotenv::read_with(text, Some(SCHEME));
    let mut problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let (mut references, mut plain) = (Vec::new(), Vec::new());
    for pair in pairs {
        let Value::Text(value) = pair.value else {
            continue;
        };
        match value.strip_prefix(SCHEME) {
            Some(reference) => match renamed(&pair.name, reference) {
                Ok(renamed) => references.push(renamed),
                Err(problem) => problems.push(format!("{}: {problem}", escape_line(&pair.name))),
            },
            None => {
                if value.contains(SCHEME) {
                    doubtful(&pair.name);
                }
                plain.push(Plain {
                    name: pair.name,
                    value: value.as_str().into(),
                });
            }
        }
    }
    match problems.is_empty() {
        true => Ok(EnvFile { references, plain }),
        false => Err(problems),
    }
}

fn renamed(name: &str, reference: &str) -> Result<Renamed, String> {
    let (key, field) = key_and_field(reference, '#');
    let key = KeyName::parse(key).map_err(|error| {
        format!("its reference is malformed: {error}; write it like hs://KEY#FIELD")
    })?;
    Ok(Renamed {
        name: name.to_owned(),
        key,
        field,
        named_by: NamedBy::File,
        if_missing: IfMissing::Fail,
    })
}

fn warn(path: &Path, name: &str, messages: Messages) {
    messages.warning(format_args!(
        "{}: the value of {} has `{SCHEME}` inside and is passed as it is: only a whole value is a \
         reference; `inject` fills secrets into a text",
        input_file::name(path),
        escape_line(name)
    ));
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_whole_value_is_a_reference_and_all_others_are_plain() {
        let text = "A=hs://KEY\nB='hs://KEY#a.b#c'\nC=https://example.com\nD=\"x hs://KEY\"\nE=\nF=HS://KEY\n";
        let doubtful = RefCell::new(Vec::new());
        let file = parse(text, |name| doubtful.borrow_mut().push(name.to_owned())).unwrap();
        let references = file.references.iter();
        let references: Vec<_> = references
            .map(|it| (it.name.as_str(), it.key.as_str(), it.field.as_deref()))
            .collect();
        assert_eq!(
            references,
            [("A", "KEY", None), ("B", "KEY", Some("a.b#c"))]
        );
        let plain = file.plain.iter();
        let plain: Vec<_> = plain
            .map(|it| (it.name.as_str(), it.value.expose_secret()))
            .collect();
        let expected = [
            ("C", "https://example.com"),
            ("D", "x hs://KEY"),
            ("E", ""),
            ("F", "HS://KEY"),
        ];
        assert_eq!(plain, expected);
        assert_eq!(*doubtful.borrow(), ["D"]);
    }

    #[test]
    fn malformed_references_are_refused_together_without_a_value() {
        let problems = parse("A=hs://\nB=hs://a-b#canary\nC=hs://x/y\n", |_| ()).unwrap_err();
        assert_eq!(problems.len(), 3, "{problems:?}");
        for (problem, name) in problems.iter().zip(["A", "B", "C"]) {
            assert!(
                problem.starts_with(&format!("{name}: its reference is malformed")),
                "{problem}"
            );
            assert!(!problem.contains("canary"), "{problem}");
        }
        assert!(parse("A", |_| ()).is_err());
    }
}
