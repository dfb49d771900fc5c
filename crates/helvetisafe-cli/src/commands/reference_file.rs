//! Env files with references to secrets, as `run --env-file` and `check --env-file` read them.
//!
//! The file comes with a project, so its author is not trusted: its names are checked as strictly as those
//! that the vault chose.

use std::path::Path;

use secrecy::SecretString;

use super::import::dotenv;
use super::import::pair::Value;
use super::reference::{Reference, SCHEME};
use super::selection::{NamedBy, Renamed};
use crate::failure::Failure;
use crate::ui::input_file;
use crate::ui::messages::Messages;
use crate::ui::terminal::escape_line;

/// The variables of an env file.
#[derive(Debug)]
pub(super) struct ReferenceFile {
    pub(super) references: Vec<Renamed>,
    pub(super) plain: Vec<Plain>,
}

/// A variable that the file itself has.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) name: String,
    pub(super) value: SecretString,
}

impl ReferenceFile {
    /// Reads the file, or reports everything that is wrong in it.
    pub(super) fn read(path: &Path, messages: Messages) -> Result<Self, Failure> {
        let text = input_file::read(path)?;
        parse(&text, |name| warn(path, name, messages)).map_err(|problems| {
            for problem in &problems {
                let message = format_args!("{}: {problem}", input_file::name(path));
                messages.failure(&Failure::usage(message));
            }
            Failure::usage(format_args!(
                "{} cannot be used; correct these lines",
                input_file::name(path)
            ))
        })
    }
}

/// Parses the text. `doubtful` gets the names of plain values that have a reference inside.
fn parse(text: &str, doubtful: impl Fn(&str)) -> Result<ReferenceFile, Vec<String>> {
    let (pairs, problems) = dotenv::read_with(text, Some(SCHEME));
    let mut problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let (mut references, mut plain) = (Vec::new(), Vec::new());
    for pair in pairs {
        let Value::Text(value) = pair.value else {
            continue;
        };
        match Reference::parse_url(&value) {
            // Probably from a variable that is not set.
            Some(Ok(reference)) if reference.field.as_deref() == Some("") => {
                problems.push(format!(
                    "{}: its reference is malformed: the field after `#` is empty; write it like \
                     hs://KEY#FIELD, or hs://KEY for the whole secret",
                    escape_line(&pair.name)
                ));
            }
            Some(Ok(reference)) => {
                references.push(Renamed::new(&pair.name, reference, NamedBy::File));
            }
            Some(Err(error)) => problems.push(format!(
                "{}: its reference is malformed: {error}; write it like hs://KEY#FIELD",
                escape_line(&pair.name)
            )),
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
        true => Ok(ReferenceFile { references, plain }),
        false => Err(problems),
    }
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
