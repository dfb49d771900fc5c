//! The project file `helvetisafe.toml`: the variables of a project, and the secrets that they come from.
//!
//! ```toml
//! [variables]
//! DATABASE_URL = "DATABASE_URL"
//! PGPASSWORD = "DATABASE.DB_PASS"
//! SENTRY_DSN = { required = false }
//! LOG_LEVEL = { secret = "APP", field = "LOG_LEVEL", default = "info" }
//! ```
//!
//! The file comes with the project, so its author is not trusted: it cannot choose the vault, a credential or
//! a command, and its names are checked as strictly as those that the vault chose.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use helvetisafe::{InvalidKeyName, KeyName};
use toml::{Table, Value};

use super::names::NamedBy;
use super::renamed::{IfMissing, Renamed};
use crate::commands::reference::Reference;
use crate::failure::Failure;
use crate::fs::{found_file, path_variable};
use crate::ui::messages::Messages;
use crate::ui::similar::nearest;
use crate::ui::terminal::escape_line;
use crate::ui::toml_mistake::Mistake;

/// The name of the file that is searched.
pub(in crate::commands) const FILE: &str = "helvetisafe.toml";

/// The variable that names a file in its place.
pub(in crate::commands) const VARIABLE: &str = "HELVETISAFE_PROJECT";

/// The limit in bytes: more than thousands of variables need.
const LIMIT: u64 = 1 << 20;

/// The members of a variable that is a table.
const MEMBERS: [&str; 4] = ["secret", "field", "required", "default"];

/// The variables of a project, sorted by name.
#[derive(Debug)]
pub(in crate::commands) struct Project {
    pub(in crate::commands) file: PathBuf,
    pub(in crate::commands) variables: Vec<Renamed>,
}

impl Project {
    /// Reads the file that the variable [`VARIABLE`] names; else that of the working directory, or of the nearest
    /// folder above it, if there is one.
    pub(in crate::commands) fn find(messages: Messages) -> Result<Option<Self>, Failure> {
        if let Some(path) = path_variable(VARIABLE) {
            return Self::read(&path, messages).map(Some);
        }
        let Some(path) = found_file::find(FILE) else {
            return Ok(None);
        };
        let file = found_file::open(&path, VARIABLE)?;
        let mut project = Self::parse(&path, file, messages)?;
        for variable in &mut project.variables {
            if variable.default().is_some() {
                variable.named_by = NamedBy::FileWithDefault;
            }
        }
        messages.note(format_args!("using the variables of {}", path.display()));
        Ok(Some(project))
    }

    /// Reads the file that the user named.
    pub(in crate::commands) fn read(path: &Path, messages: Messages) -> Result<Self, Failure> {
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        Self::parse(path, file, messages)
    }

    /// Reads all variables, or reports everything that is wrong in the file.
    fn parse(path: &Path, file: File, messages: Messages) -> Result<Self, Failure> {
        let outcome =
            variables(&text(path, file)?).and_then(|variables| match variables.is_empty() {
                true => Err(vec![
                    "it has no variables; write [variables] and NAME = \"KEY\"".to_owned(),
                ]),
                false => Ok(variables),
            });
        let variables = outcome.map_err(|problems| {
            for problem in &problems {
                messages.failure(&Failure::usage(format_args!(
                    "{}: {problem}",
                    path.display()
                )));
            }
            Failure::usage(
                "the project file cannot be used; correct it, or select secrets with other options",
            )
        })?;
        Ok(Self {
            file: path.to_owned(),
            variables,
        })
    }
}

fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format_args!(
        "cannot read the project file {}: {why}",
        path.display()
    ))
}

fn text(path: &Path, file: File) -> Result<String, Failure> {
    let mut text = String::new();
    let read = file.take(LIMIT + 1).read_to_string(&mut text);
    read.map_err(|error| unreadable(path, &error))?;
    if text.len() as u64 > LIMIT {
        return Err(unreadable(path, &"it has more than 1 MiB"));
    }
    Ok(text)
}

/// Parses the text of the file, or returns everything that is wrong in it.
fn variables(text: &str) -> Result<Vec<Renamed>, Vec<String>> {
    let mut file: Table = text.parse().map_err(|error: toml::de::Error| {
        let mistake = Mistake::of(text, &error);
        let what = match mistake.repeated {
            Some(name) => format!("{} is repeated; remove one of the two", escape_line(name)),
            None => "it is not TOML".to_owned(),
        };
        vec![format!("line {}: {what}", mistake.line)]
    })?;
    let variables = match file.remove("variables") {
        Some(Value::Table(variables)) => variables,
        Some(_) => {
            return Err(vec![
                "variables is not a table; begin it with [variables]".to_owned(),
            ]);
        }
        None => Table::new(),
    };
    let mut problems: Vec<_> = file.keys().map(|name| foreign(name)).collect();
    let mut renamed = Vec::with_capacity(variables.len());
    for (name, value) in &variables {
        match variable(name, value) {
            Ok(variable) => renamed.push(variable),
            Err(problem) => problems.push(format!("{} {problem}", escape_line(name))),
        }
    }
    match problems.is_empty() {
        true => Ok(renamed),
        false => Err(problems),
    }
}

/// Refuses everything but variables. Above all a file from elsewhere must not choose the vault that gets the
/// credential.
fn foreign(name: &str) -> String {
    format!(
        "{} is not known: a project file has only [variables]; the vault, the credential and commands \
         come from options, variables of the environment and profiles",
        escape_line(name)
    )
}

fn variable(name: &str, value: &Value) -> Result<Renamed, String> {
    if !is_identifier(name) {
        return Err(
            "is not a name for a variable: it has only letters, digits and underscores, and no digit \
             first"
                .to_owned(),
        );
    }
    match value {
        Value::String(text) => {
            let source = Reference::parse(text).map_err(invalid_name)?;
            Ok(Renamed::new(name, source, NamedBy::File))
        }
        Value::Table(members) => from_table(name, members),
        _ => Err(
            "is neither a text nor a table; write NAME = \"KEY\", NAME = \"KEY.FIELD\" or NAME = { … }"
                .to_owned(),
        ),
    }
}

fn from_table(name: &str, members: &Table) -> Result<Renamed, String> {
    if let Some(unknown) = members.keys().find(|it| !MEMBERS.contains(&it.as_str())) {
        let advice = match nearest(unknown, MEMBERS.into_iter()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("there are {}", MEMBERS.join(", ")),
        };
        return Err(format!(
            "has the unknown member {}; {advice}",
            escape_line(unknown)
        ));
    }
    let text = |member: &str| match members.get(member) {
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!(
            "has a {member} that is not a text; put it in quotes"
        )),
        None => Ok(None),
    };
    let (secret, field, default) = (text("secret")?, text("field")?, text("default")?);
    let if_missing = match (members.get("required"), default) {
        (Some(Value::Boolean(true)), Some(_)) => {
            return Err("is required and has a default; leave one of them out".to_owned());
        }
        (None | Some(Value::Boolean(_)), Some(default)) => IfMissing::Default(default),
        (None | Some(Value::Boolean(true)), None) => IfMissing::Fail,
        (Some(Value::Boolean(false)), None) => IfMissing::Omit,
        _ => return Err("has a required that is neither true nor false".to_owned()),
    };
    let key = KeyName::parse(secret.as_deref().unwrap_or(name)).map_err(invalid_name)?;
    Ok(Renamed {
        if_missing,
        ..Renamed::new(name, Reference { key, field }, NamedBy::File)
    })
}

fn invalid_name(error: InvalidKeyName) -> String {
    format!("names an invalid secret: {error}")
}

/// Checks POSIX.1-2024, base definitions, section 3.216. So a name is also that of a file.
fn is_identifier(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_has_a_secret_a_field_and_a_default() {
        let file = r#"
            [variables]
            PLAIN = "KEY"
            FIELD = "KEY.a.b"
            OWN = {}
            OPTIONAL = { required = false }
            [variables.FULL]
            secret = "APP"
            field = "LEVEL"
            default = "info"
        "#;
        let variables = variables(file).unwrap();
        let shown: Vec<_> = variables
            .iter()
            .map(|it| {
                (
                    it.name.as_str(),
                    it.key.as_str(),
                    it.field.as_deref(),
                    &it.if_missing,
                )
            })
            .collect();
        let default = IfMissing::Default("info".to_owned());
        assert_eq!(
            shown,
            [
                ("FIELD", "KEY", Some("a.b"), &IfMissing::Fail),
                ("FULL", "APP", Some("LEVEL"), &default),
                ("OPTIONAL", "OPTIONAL", None, &IfMissing::Omit),
                ("OWN", "OWN", None, &IfMissing::Fail),
                ("PLAIN", "KEY", None, &IfMissing::Fail),
            ]
        );
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        let file = r#"
            base_url = "https://elsewhere.example"
            [profiles.x]
            client_secret_command = ["sh"]
            [variables]
            A-B = "KEY"
            COMMAND = ["sh", "-c", "id"]
            BOTH = { required = true, default = "x" }
            DEFAULT = { default = 5 }
            REQUIRED = { required = "no" }
            SECRET = { secert = "KEY" }
            SPACE = "not a key"
            EMPTY = ""
        "#;
        let problems = variables(file).unwrap_err();
        let starts = [
            "base_url is not known",
            "profiles is not known",
            "A-B is not a name",
            "BOTH is required and has a default",
            "COMMAND is neither a text nor a table",
            "DEFAULT has a default that is not a text",
            "EMPTY names an invalid secret",
            "REQUIRED has a required",
            "SECRET has the unknown member secert; did you mean secret?",
            "SPACE names an invalid secret",
        ];
        for (problem, start) in problems.iter().zip(starts) {
            assert!(problem.starts_with(start), "{problem}");
        }
        assert_eq!(problems.len(), starts.len(), "{problems:?}");
        assert_eq!(
            variables("\n[variables\n").unwrap_err(),
            ["line 2: it is not TOML"]
        );
        assert_eq!(
            variables("[variables]\nA = \"KEY\"\nA = \"OTHER\"\n").unwrap_err(),
            ["line 3: A is repeated; remove one of the two"]
        );
    }
}
