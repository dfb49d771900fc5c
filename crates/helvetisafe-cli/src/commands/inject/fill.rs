//! Fills secrets into a template.

use std::path::Path;

use helvetisafe::Secret;
use zeroize::Zeroizing;

use super::Args;
use super::template::{Part, Template};
use crate::commands::field;
use crate::failure::{Failure, Status};
use crate::session::{Failures, Reader, Vault};
use crate::ui::messages::Messages;
use crate::ui::{Ui, input_file};

const KNOWN: &str = "nothing was written; only {{ secret \"KEY\" }} and {{ secret \"KEY\" \
                     \"FIELD\" }} are filled, and \\{{ stands for {{ itself";

pub(super) fn fill(path: &Path, args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let template = read(path, ui.messages)?;
    let requests = template.requests();
    let secrets = Reader::new(vault, None).secrets(&requests)?;
    let text = render(&template, &secrets, &input_file::name(path), ui.messages)?;
    let keys = requests.iter().map(|it| it.key.as_str()).collect();
    args.deliver(&text, keys, &args.output, ui)
}

fn read(path: &Path, messages: Messages) -> Result<Template, Failure> {
    let text = input_file::read(path)?;
    Template::parse(&text).map_err(|problems| {
        for problem in &problems {
            let message = format_args!("{}, {problem}", input_file::name(path));
            messages.failure(&Failure::usage(message));
        }
        Failure::usage(KNOWN)
    })
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
    let (key, field, line) = match part {
        Part::Text(text) => return Ok(text),
        Part::Secret { key, field, line } => (key, field, *line),
    };
    let Some(secret) = secrets.iter().find(|secret| secret.key() == key) else {
        return Err((line, format!("the secret `{key}` was not read")));
    };
    let Some(name) = field else {
        return Ok(secret.expose_secret());
    };
    field::find(secret, name, "leave the field out").map_err(|message| (line, message))
}
