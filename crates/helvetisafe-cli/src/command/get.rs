//! `get KEY…`: prints values.

use std::path::PathBuf;

use helvetisafe::{Field, KeyName, Secret, Timestamp};
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::context::Context;
use crate::failure::{Failure, Failures, Status};
use crate::{atomic_file, keys, suggest};

const EXAMPLES: &str = "\
Examples:
  helvetisafe get DB_PASSWORD
  helvetisafe get DATABASE --field DB_HOST
  helvetisafe get TLS_KEY --output tls.key
  helvetisafe get A B C --json | jq -r .value";

/// Print the value of a secret: exactly its bytes when piped.
///
/// On a terminal a newline is added, and control characters are shown as \u001b. With several keys
/// each value is followed by a newline. A multi-field secret without --field is its JSON text.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The secrets.
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
    /// One field of a multi-field secret.
    #[arg(long, value_name = "FIELD")]
    field: Option<String>,
    /// Write a file with mode 0600 in place of standard output, only if nothing failed.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let keys = keys::parse_all(&args.keys)?;
    context.client()?;
    let mut failures = Failures::default();
    let mut file = Zeroizing::new(Vec::new());
    // One value stands alone; several, and JSON, are lines.
    let is_line = context.json() || keys.len() > 1;
    for (done, key) in keys.iter().enumerate() {
        if context.output.is_closed() {
            break;
        }
        let text = match read(key, args, context) {
            Ok(text) => text,
            Err(failure) if keys.len() > 1 && context.budget()?.explains(&failure) => {
                let failure = context.budget()?.over(done, keys.len(), "asked for");
                failures.add(&failure, &context.messages);
                break;
            }
            Err(failure) => {
                failures.add(&failure, &context.messages);
                continue;
            }
        };
        if args.output.is_some() {
            file.extend_from_slice(text.as_bytes());
            file.extend(is_line.then_some(b'\n'));
        } else if is_line {
            context.output.line(&text)?;
        } else {
            context.output.value(&text)?;
        }
    }
    match &args.output {
        Some(path) if failures.is_empty() => atomic_file::write(path, &file),
        _ => failures.into_result(&context.messages),
    }
}

/// Reads one secret: its value, or its JSON.
fn read(key: &KeyName, args: &Args, context: &Context) -> Result<Zeroizing<String>, Failure> {
    let named: Vec<_> = args.field.as_deref().into_iter().collect();
    let secret = context.read(|secrets| secrets.get_with_fields(key, &named))?;
    let secret = secret.map_err(|error| suggest::failure(error, context))?;
    let value = match &args.field {
        Some(name) => field(&secret, name)?,
        None => secret.expose_secret(),
    };
    if !context.json() {
        return Ok(Zeroizing::new(value.to_owned()));
    }
    let json = serde_json::to_string(&Json {
        key: secret.key().as_str(),
        field: args.field.as_deref(),
        value,
        fields: fields(&secret).filter(|_| args.field.is_none()),
        expires_at: secret.expires_at(),
    });
    json.map(Zeroizing::new)
        .map_err(|error| Failure::other(format_args!("cannot write JSON: {error}")))
}

fn field<'a>(secret: &'a Secret, name: &str) -> Result<&'a str, Failure> {
    if let Some(field) = secret.field(name) {
        return Ok(field.expose_secret());
    }
    let names: Vec<_> = secret.fields().iter().map(Field::name).collect();
    let advice = if names.is_empty() {
        "it is one value: leave --field out".to_owned()
    } else {
        format!("it has {}", names.join(", "))
    };
    Err(Failure::new(
        Status::NotFound,
        format_args!(
            "the secret `{}` has no field `{name}`; {advice}",
            secret.key()
        ),
    ))
}

/// What `--json` prints of one secret; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    value: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Fields<'a>>,
    expires_at: Option<Timestamp>,
}

/// The fields as a JSON object, in their order.
struct Fields<'a>(&'a [Field]);

fn fields(secret: &Secret) -> Option<Fields<'_>> {
    let fields = secret.fields();
    (!fields.is_empty()).then_some(Fields(fields))
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pairs = self.0.iter();
        serializer.collect_map(pairs.map(|field| (field.name(), field.expose_secret())))
    }
}
