//! `get KEY…`: prints values.

use std::path::PathBuf;

use helvetisafe::{Field, KeyName, Secret, Timestamp};
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use super::field;
use crate::failure::{Failure, Status};
use crate::fs::atomic_file;
use crate::session::{Failures, Vault};
use crate::ui::{Ui, key_names};

const EXAMPLES: &str = "\
Examples:
  helvetisafe get DB_PASSWORD
  helvetisafe get DATABASE --field DB_HOST
  helvetisafe get TLS_KEY --output tls.key
  helvetisafe get A B C --json | jq -r .value";

/// Print the value of a secret: its exact bytes when piped.
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
    /// Write a file with mode 0600 instead of standard output, only if nothing failed.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let keys = key_names::parse_all(&args.keys)?;
    vault.client_to_read(&keys[0])?;
    let mut failures = Failures::within(vault.budget()?, keys.len(), ui.messages);
    let mut file = Zeroizing::new(Vec::new());
    // A single value is printed as it is; several values, and JSON, are lines.
    let is_line = ui.json || keys.len() > 1;
    let mut tried = 0;
    for key in &keys {
        if ui.output.is_closed() || failures.has_timed_out() {
            break;
        }
        match read(key, args, vault, ui) {
            Ok(text) if args.output.is_some() => {
                file.extend_from_slice(text.as_bytes());
                file.extend(is_line.then_some(b'\n'));
            }
            Ok(text) if is_line => ui.output.line(&text)?,
            Ok(text) => ui.output.value(&text)?,
            Err(failure) => failures.add(failure),
        }
        tried += usize::from(!failures.has_timed_out());
    }
    match &args.output {
        Some(path) if failures.is_empty() => atomic_file::write(path, &file),
        _ => failures.finish_counted(tried, keys.len(), "asked for"),
    }
}

/// Reads one secret, and returns its value or its JSON.
fn read(key: &KeyName, args: &Args, vault: &Vault, ui: &Ui) -> Result<Zeroizing<String>, Failure> {
    let named: Vec<_> = args.field.as_deref().into_iter().collect();
    let secret = vault.read(|secrets| secrets.get_with_fields(key, &named))?;
    let secret = secret.map_err(|error| vault.failure(error))?;
    let value = match &args.field {
        Some(name) => field::find(&secret, name, "leave --field out")
            .map_err(|message| Failure::new(Status::NotFound, message))?,
        None => secret.expose_secret(),
    };
    if !ui.json {
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

/// The output of `--json` for one secret; `docs/cli.md` documents it.
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
