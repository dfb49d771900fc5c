//! `check`: verifies the project file against the vault, without showing a value.

use std::collections::BTreeMap;
use std::path::PathBuf;

use helvetisafe::{KeyName, Secret};
use serde::Serialize;

use super::field;
use super::selection::{IfMissing, PROJECT_FILE, Project, Renamed, refused_name};
use crate::failure::{Failure, Status};
use crate::session::{Reader, SecretRequest, Vault};
use crate::ui::Ui;

/// The version of the output of `--json`.
const VERSION: u32 = 1;

const EXAMPLES: &str = "\
Examples:
  helvetisafe check
  helvetisafe check --project deploy/helvetisafe.toml
  helvetisafe check --json | jq -r '.variables[] | select(.status) | .variable'";

/// Verify the project file: that each variable has an allowed name, and that its secret and field exist.
///
/// No value is shown. The file is helvetisafe.toml in the working directory, or in the nearest folder above
/// it. The status is that of the first variable that `run` would fail for.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The project file.
    #[arg(long, value_name = "FILE")]
    project: Option<PathBuf>,
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
    key: &'a str,
    field: Option<&'a str>,
    required: bool,
    /// `ok`, `default`, `omitted`, `missing`, `refused` or `failed`.
    outcome: &'static str,
    message: Option<String>,
    /// The exit status, if `run` would fail.
    status: Option<u8>,
}

type Outcomes = BTreeMap<KeyName, Result<Secret, Failure>>;

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let project = match &args.project {
        Some(file) => Project::read(file, ui.messages)?,
        None => Project::find(ui.messages)?.ok_or_else(no_file)?,
    };
    let outcomes = outcomes(&project.variables, vault)?;
    let variables = project.variables.iter();
    let lines: Vec<_> = variables
        .map(|variable| Line::new(variable, &outcomes, &args.allowed))
        .collect();
    let status = lines.iter().find_map(|line| line.status);
    if ui.json {
        ui.output.json(&Json {
            version: VERSION,
            file: project.file.display().to_string(),
            variables: lines,
        })?;
    } else {
        for line in &lines {
            ui.output.line(&line.to_text())?;
        }
    }
    status.map_or(Ok(()), |status| Err(Failure::silent(status)))
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
        let is_failure = !matches!(outcome, "ok" | "default" | "omitted");
        let status = failure.as_ref().map(Failure::status).filter(|_| is_failure);
        Self {
            variable: &variable.name,
            key: variable.key.as_str(),
            field: variable.field.as_deref(),
            required: !variable.is_optional(),
            outcome,
            message: failure.and_then(|failure| failure.message().map(str::to_owned)),
            status,
        }
    }

    fn to_text(&self) -> String {
        let source = match (&self.message, self.field) {
            (Some(message), _) => message.clone(),
            (None, Some(field)) => format!("the field `{field}` of `{}`", self.key),
            (None, None) => format!("the secret `{}`", self.key),
        };
        format!("{:7}  {:20}  {source}", self.outcome, self.variable)
    }
}

/// Returns the outcome for a variable, and the reason if the secret or the field is missing.
fn found(variable: &Renamed, outcome: &Result<Secret, Failure>) -> (&'static str, Option<Failure>) {
    let missing = match (outcome, &variable.field) {
        (Ok(_), None) => return ("ok", None),
        (Ok(secret), Some(name)) => match field::find(secret, name, "leave the field out") {
            Ok(_) => return ("ok", None),
            Err(message) => Failure::new(Status::NotFound, message),
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
