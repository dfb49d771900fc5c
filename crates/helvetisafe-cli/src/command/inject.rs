//! `inject TEMPLATE`: fills secrets into a file; `inject --output-dir DIR`: one file per secret.

mod files;
mod template;

use std::path::{Path, PathBuf};

use helvetisafe::{Field, Secret};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::context::Context;
use crate::failure::{Failure, Failures, Status};
use crate::terminal::escape_line;
use crate::{atomic_file, fetch, input};
use files::Files;
use template::{Part, Template};

const EXAMPLES: &str = "\
Examples:
  helvetisafe inject app.toml.tmpl -o app.toml
  echo 'url = \"postgres://app:{{ secret \"DB_PASSWORD\" }}@db\"' | helvetisafe inject -
  helvetisafe inject --output-dir /run/secrets --prefix DB_
  helvetisafe inject --output-dir /run/secrets --key TLS_KEY --key TLS_CERTIFICATE";

const KNOWN: &str = "nothing was written; only {{ secret \"KEY\" }} and {{ secret \"KEY\" \
                     \"FIELD\" }} are filled, and \\{{ stands for {{ itself";

/// Fill {{ secret "KEY" }} and {{ secret "KEY" "FIELD" }} in a template; or write one file per
/// secret.
///
/// Values are put in exactly, with nothing escaped or added. A template with anything unknown in it
/// is refused, all of which is named, and nothing is written. \{{ stands for {{ itself.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The template, or - for standard input.
    #[arg(value_name = "TEMPLATE", required_unless_present = "output_dir")]
    template: Option<PathBuf>,
    /// Write a file with mode 0600 in place of standard output.
    #[arg(long, short, value_name = "FILE", conflicts_with = "output_dir")]
    output: Option<PathBuf>,
    #[command(flatten)]
    files: Files,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    match &args.template {
        Some(path) => fill(path, args.output.as_deref(), context),
        None => args.files.write(context),
    }
}

fn fill(path: &Path, output: Option<&Path>, context: &Context) -> Result<(), Failure> {
    let template = read(path, context)?;
    let requests = template.requests();
    let secrets = fetch::all(&requests, context)?;
    let text = render(&template, &secrets, &input::name(path), context)?;
    if let Some(file) = output {
        atomic_file::write(file, text.as_bytes())?;
    }
    if context.json() {
        return context.output.json(&Json {
            keys: requests.iter().map(|it| it.key.as_str()).collect(),
            output: output.map(|file| file.display().to_string()),
            text: output.is_none().then_some(&text),
        });
    }
    match output {
        Some(file) => {
            context
                .messages
                .done(format_args!("wrote {}", file.display()));
            Ok(())
        }
        None => context.output.value(&text),
    }
}

/// What `--json` prints; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    keys: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

fn read(path: &Path, context: &Context) -> Result<Template, Failure> {
    let text = input::read(path)?;
    Template::parse(&text).map_err(|problems| {
        for problem in &problems {
            let message = format_args!("{}, {problem}", input::name(path));
            context.messages.failure(&Failure::usage(message));
        }
        Failure::usage(KNOWN)
    })
}

/// The filled template; or every field that is not there is told.
fn render(
    template: &Template,
    secrets: &[Secret],
    name: &str,
    context: &Context,
) -> Result<Zeroizing<String>, Failure> {
    let mut failures = Failures::default();
    let mut texts = Vec::with_capacity(template.parts.len());
    for part in &template.parts {
        match value(part, secrets) {
            Ok(text) => texts.push(text),
            Err((line, problem)) => {
                let message = format_args!("{name}, line {line}: {problem}");
                failures.add(&Failure::new(Status::NotFound, message), &context.messages);
            }
        }
    }
    failures.into_result(&context.messages)?;
    // One allocation, so that no copy is left behind unwiped.
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
    let field = secret.field(name).map(Field::expose_secret);
    field.ok_or_else(|| (line, no_field(secret, name)))
}

fn no_field(secret: &Secret, name: &str) -> String {
    let names = secret
        .fields()
        .iter()
        .map(|field| escape_line(field.name()));
    let names: Vec<_> = names.collect();
    let has = match names.as_slice() {
        [] => "one value".to_owned(),
        _ => names.join(", "),
    };
    let (key, name) = (secret.key(), escape_line(name));
    format!("the secret `{key}` has no field `{name}`; it has {has}")
}
