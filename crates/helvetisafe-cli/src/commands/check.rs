//! `check`: verifies the project file, or an env file, against the vault, without showing a value.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use helvetisafe::{KeyName, Secret};
use serde::Serialize;

use super::field;
use super::reference_file::{Plain, ReferenceFile};
use super::selection::{IfMissing, NamedBy, PROJECT_FILE, Project, Renamed, refused_name};
use crate::failure::{Failure, Status};
use crate::session::{Reader, SecretRequest, Vault};
use crate::ui::messages::Messages;
use crate::ui::terminal::escape_line;
use crate::ui::{Ui, input_file};

/// The version of the output of `--json`.
const VERSION: u32 = 1;

const EXAMPLES: &str = "\
Examples:
  helvetisafe check
  helvetisafe check --project deploy/helvetisafe.toml
  helvetisafe check --env-file .env.hs
  helvetisafe check --json | jq -r '.variables[] | select(.status) | .variable'";

/// Verify the project file, or an env file: that each variable has an allowed name, and that its secret and
/// field exist.
///
/// No value is shown. The project file is helvetisafe.toml in the working directory, or in the nearest folder
/// above it. The status is that of the first variable that `run` would fail for.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The project file.
    #[arg(long, value_name = "FILE")]
    project: Option<PathBuf>,
    /// Verify the references of this env file instead, as `run` reads it with the same option; - stands for
    /// standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "project")]
    env_file: Option<PathBuf>,
    /// Allow a variable of this name, as `run` does with the same option.
    #[arg(long = "allow-name", value_name = "NAME")]
    allowed: Vec<String>,
}

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    file: String,
    variables: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    variable: &'a str,
    /// `None` for a plain value.
    key: Option<&'a str>,
    field: Option<&'a str>,
    required: bool,
    /// `ok`, `plain`, `default`, `omitted`, `missing`, `refused` or `failed`.
    outcome: &'static str,
    message: Option<String>,
    /// The exit status, if `run` would fail.
    status: Option<u8>,
}

type Outcomes = BTreeMap<KeyName, Result<Secret, Failure>>;

/// The variables of a file.
struct Checked {
    file: String,
    variables: Vec<Renamed>,
    plain: Vec<Plain>,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let checked = Checked::read(args, ui.messages)?;
    let outcomes = outcomes(&checked.variables, vault)?;
    let mut names = HashSet::new();
    let variables = checked.variables.iter();
    let secrets = variables.map(|variable| Line::new(variable, &outcomes, &args.allowed));
    let plain = checked.plain.iter();
    let plain = plain.map(|variable| Line::plain(&variable.name, &args.allowed));
    let lines = secrets.chain(plain);
    let lines: Vec<_> = lines
        .map(|line| match names.insert(line.variable) {
            true => line,
            false => line.repeated(),
        })
        .collect();
    let status = lines.iter().find_map(|line| line.status);
    if ui.json {
        ui.output.json(&Json {
            version: VERSION,
            file: checked.file,
            variables: lines,
        })?;
    } else {
        for line in &lines {
            ui.output.line(&line.to_text())?;
        }
    }
    status.map_or(Ok(()), |status| Err(Failure::silent(status)))
}

impl Checked {
    fn read(args: &Args, messages: Messages) -> Result<Self, Failure> {
        if let Some(path) = &args.env_file {
            let file = ReferenceFile::read(path, messages)?;
            return Ok(Self {
                file: input_file::name(path),
                variables: file.references,
                plain: file.plain,
            });
        }
        let project = match &args.project {
            Some(file) => Project::read(file, messages)?,
            None => Project::find(messages)?.ok_or_else(no_file)?,
        };
        Ok(Self {
            file: project.file.display().to_string(),
            variables: project.variables,
            plain: Vec::new(),
        })
    }
}

fn no_file() -> Failure {
    Failure::usage(format_args!(
        "there is no {PROJECT_FILE} in this folder or above it; write one with [variables] and NAME = \
         \"KEY\", or name it with --project"
    ))
}

/// Reads each secret once.
fn outcomes(variables: &[Renamed], vault: &Vault) -> Result<Outcomes, Failure> {
    let mut requests = BTreeMap::new();
    for variable in variables {
        let request = requests.entry(&variable.key);
        let request = request.or_insert_with(|| SecretRequest::whole(variable.key.clone()));
        request.fields.extend(variable.field.clone());
        request.is_optional |= variable.is_optional();
    }
    let requests: Vec<_> = requests.into_values().collect();
    let outcomes = Reader::online(vault).outcomes(&requests)?;
    let keys = requests.into_iter().map(|request| request.key);
    Ok(keys.zip(outcomes).collect())
}

impl<'a> Line<'a> {
    fn new(variable: &'a Renamed, outcomes: &Outcomes, allowed: &[String]) -> Self {
        let found = outcomes
            .get(&variable.key)
            .map(|outcome| found(variable, outcome));
        let (outcome, failure) = match (
            refused_name(&variable.name, variable.named_by, allowed),
            found,
        ) {
            (Some(reason), _) => ("refused", Some(Failure::usage(reason))),
            (None, Some(found)) => found,
            (None, None) => ("failed", Some(Failure::other("the secret was not read"))),
        };
        Self {
            key: Some(variable.key.as_str()),
            field: variable.field.as_deref(),
            required: !variable.is_optional(),
            ..Self::with(&variable.name, outcome, failure)
        }
    }

    /// A plain value, of which only the name is checked.
    fn plain(name: &'a str, allowed: &[String]) -> Self {
        match refused_name(name, NamedBy::File, allowed) {
            Some(reason) => Self::with(name, "refused", Some(Failure::usage(reason))),
            None => Self::with(name, "plain", None),
        }
    }

    /// A variable of a name that another one has.
    fn repeated(self) -> Self {
        let name = escape_line(self.variable);
        let reason = format!("two variables would be `{name}`; leave one of them out");
        Self {
            outcome: "refused",
            message: Some(reason),
            status: Some(Status::Usage as u8),
            ..self
        }
    }

    fn with(variable: &'a str, outcome: &'static str, failure: Option<Failure>) -> Self {
        let is_failure = !matches!(outcome, "ok" | "default" | "omitted");
        let status = failure.as_ref().map(Failure::status).filter(|_| is_failure);
        Self {
            variable,
            key: None,
            field: None,
            required: true,
            outcome,
            message: failure.and_then(|failure| failure.message().map(str::to_owned)),
            status,
        }
    }

    fn to_text(&self) -> String {
        let source = match (&self.message, self.key, self.field) {
            (Some(message), ..) => message.clone(),
            (None, Some(key), Some(field)) => {
                format!("the field `{}` of `{key}`", escape_line(field))
            }
            (None, Some(key), None) => format!("the secret `{key}`"),
            (None, None, _) => "a value in the file".to_owned(),
        };
        format!("{:7}  {:20}  {source}", self.outcome, self.variable)
    }
}

/// Returns the outcome for a variable, and the reason if the secret or the field is missing.
fn found(variable: &Renamed, outcome: &Result<Secret, Failure>) -> (&'static str, Option<Failure>) {
    let missing = match (outcome, &variable.field) {
        (Ok(_), None) => return ("ok", None),
        (Ok(secret), Some(name)) => match field::find(secret, name) {
            Ok(_) => return ("ok", None),
            Err(error) => error.into(),
        },
        (Err(failure), _) if failure.is_not_found() => failure.repeated(),
        (Err(failure), _) => return ("failed", Some(failure.repeated())),
    };
    let outcome = match variable.if_missing {
        IfMissing::Fail => "missing",
        IfMissing::Omit => "omitted",
        IfMissing::Default(_) => "default",
    };
    (outcome, Some(missing))
}
