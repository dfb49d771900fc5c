//! Fills secrets into a template.

use std::path::Path;

use helvetisafe::Secret;
use zeroize::Zeroizing;

use super::Args;
use super::template::{Part, Template};
use crate::commands::field;
use crate::commands::selection::{IfMissing, Project};
use crate::failure::{Failure, Status};
use crate::session::{Failures, Reader, Vault};
use crate::ui::messages::Messages;
use crate::ui::{Ui, input_file};

const KNOWN: &str = "nothing was written; only {{ secret \"KEY\" }}, {{ secret \"KEY\" \"FIELD\" }} \
                     and {{ variable \"NAME\" }} are filled, and \\{{ stands for {{ itself";

pub(super) fn fill(path: &Path, args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let template = read(path, ui.messages)?;
    let requests = template.requests();
    let secrets = Reader::with(&args.offline, vault, |reader| reader.secrets(&requests))?;
    let text = render(&template, &secrets, &input_file::name(path), ui.messages)?;
    let keys = requests.iter().map(|it| it.key.as_str()).collect();
    args.deliver(&text, keys, &args.output, ui)
}

fn read(path: &Path, messages: Messages) -> Result<Template, Failure> {
    let text = input_file::read(path)?;
    let report = |problems: Vec<String>, advice| {
        for problem in &problems {
            let message = format_args!("{}, {problem}", input_file::name(path));
            messages.failure(&Failure::usage(message));
        }
        Failure::usage(advice)
    };
    for line in references(&text) {
        messages.warning(format_args!(
            "{}, line {line}: a reference hs://… stays as it is in a template; write {{{{ secret \"KEY\" \"FIELD\" }}}} \
             in its place",
            input_file::name(path)
        ));
    }
    let mut template = Template::parse(&text).map_err(|problems| report(problems, KNOWN))?;
    if template.has_variables() {
        let project = Project::find(messages)?;
        let variables = project.as_ref().map(|project| &*project.variables);
        let resolved = template.resolve(variables);
        resolved.map_err(|problems| report(problems, "nothing was written"))?;
    }
    Ok(template)
}

/// Returns the lines that have a reference to a secret as in an env file.
fn references(text: &str) -> impl Iterator<Item = usize> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let has_reference = move |line: &str| {
        line.match_indices("hs://").any(|(at, scheme)| {
            let (before, after) = (&line[..at], &line[at + scheme.len()..]);
            !before.ends_with(is_name) && after.starts_with(is_name)
        })
    };
    let lines = (1..).zip(text.lines());
    lines.filter_map(move |(number, line)| has_reference(line).then_some(number))
}

/// Fills the template, or reports every missing field.
fn render(
    template: &Template,
    secrets: &[Secret],
    name: &str,
    messages: Messages,
) -> Result<Zeroizing<String>, Failure> {
    let mut failures = Failures::new(messages);
    let mut texts = Vec::with_capacity(template.parts.len());
    for part in &template.parts {
        match value(part, secrets) {
            Ok(text) => texts.push(text),
            Err((line, problem)) => {
                let message = format_args!("{name}, line {line}: {problem}");
                failures.add(Failure::new(Status::NotFound, message));
            }
        }
    }
    failures.finish()?;
    // One allocation: growing would leave an unwiped copy.
    let length = texts.iter().map(|text| text.len()).sum();
    let mut filled = Zeroizing::new(String::with_capacity(length));
    texts.iter().for_each(|text| filled.push_str(text));
    Ok(filled)
}

fn value<'a>(part: &'a Part, secrets: &'a [Secret]) -> Result<&'a str, (usize, String)> {
    let (key, field, if_missing, line) = match part {
        Part::Text(text) => return Ok(text),
        Part::Variable { name, line } => {
            return Err((*line, format!("the variable `{name}` was not resolved")));
        }
        Part::Secret {
            key,
            field,
            if_missing,
            line,
        } => (key, field, if_missing, *line),
    };
    let secret = secrets.iter().find(|secret| secret.key() == key);
    let found = match (secret, field) {
        (None, _) => Err(format!("the secret `{key}` was not read")),
        (Some(secret), None) => Ok(secret.expose_secret()),
        (Some(secret), Some(name)) => field::find(secret, name).map_err(|error| error.to_string()),
    };
    match (found, if_missing) {
        (Ok(value), _) => Ok(value),
        (Err(message), IfMissing::Fail) => Err((line, message)),
        (Err(_), IfMissing::Omit) => Ok(""),
        (Err(_), IfMissing::Default(value)) => Ok(value),
    }
}
