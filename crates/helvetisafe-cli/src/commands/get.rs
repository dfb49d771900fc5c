//! `get KEY…`: prints values.

pub(super) mod copy;

use std::path::PathBuf;
use std::time::Duration;

use helvetisafe::{ErrorKind, ExposeSecret, KeyName, Secret, Timestamp};
use serde::Serialize;
use zeroize::Zeroizing;

use super::field;
use crate::failure::Failure;
use crate::session::{Failures, OfflineArgs, Reader, SecretRequest, Vault};
use crate::ui::duration::second_to_day;
use crate::ui::output::Object;
use crate::ui::output_file::{self, AccessArgs};
use crate::ui::{Ui, key_names};

const EXAMPLES: &str = "\
Examples:
  helvetisafe get DB_PASSWORD
  helvetisafe get DATABASE --field DB_HOST
  helvetisafe get DB_PASSWORD --copy
  helvetisafe get TLS_KEY --output tls.key
  helvetisafe get KEYSTORE --base64 --output keystore.p12
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
    /// Decode the value of one secret from base64, and print its bytes.
    #[arg(long)]
    base64: bool,
    /// Write a file with mode 0600 instead of standard output, which - stands for, only if nothing
    /// failed.
    #[arg(
        long,
        short,
        visible_alias = "file",
        value_name = "FILE",
        group = "destination"
    )]
    output: Option<PathBuf>,
    /// Copy the value of one secret to the clipboard instead, and clear it after TIME, 45s by default.
    #[arg(
        long,
        value_name = "TIME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "45s",
        value_parser = second_to_day,
        conflicts_with_all = ["output", "base64"]
    )]
    copy: Option<Duration>,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    offline: OfflineArgs,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let keys = key_names::parse_all(&args.keys)?;
    Reader::with(&args.offline, vault, |reader| {
        if reader.is_online() {
            vault.client_for(&keys)?;
        }
        if let Some(time) = args.copy {
            return to_clipboard(&keys, time, args, reader, ui);
        }
        if args.base64 {
            return bytes(&keys, args, reader, ui);
        }
        texts(&keys, args, reader, ui)
    })
}

/// Prints or writes the values, or their JSON.
fn texts(keys: &[KeyName], args: &Args, reader: Reader<'_>, ui: &Ui) -> Result<(), Failure> {
    let mut failures = Failures::within(reader.vault.budget()?, keys.len(), ui.messages);
    let mut file = Zeroizing::new(Vec::new());
    // A single value is printed as it is; several values, and JSON, are lines.
    let is_line = ui.json || keys.len() > 1;
    let output = output_file::named(&args.output);
    let mut tried = 0;
    for key in keys {
        if ui.output.is_closed() || failures.has_timed_out() {
            break;
        }
        match read(key, args, reader, ui) {
            Ok(text) if output.is_some() => {
                file.extend_from_slice(text.as_bytes());
                file.extend(is_line.then_some(b'\n'));
            }
            Ok(text) if is_line => ui.output.line(&text)?,
            Ok(text) => ui.output.value(&text)?,
            Err(failure) => failures.add_for(key, failure),
        }
        tried += usize::from(!failures.has_timed_out());
    }
    match output {
        Some(path) if failures.is_empty() => {
            output_file::write(path, &file, args.access.access(), ui.messages)
        }
        _ => failures.finish_counted(tried, keys.len(), "asked for"),
    }
}

/// Copies the value of one secret.
fn to_clipboard(
    keys: &[KeyName],
    time: Duration,
    args: &Args,
    reader: Reader<'_>,
    ui: &Ui,
) -> Result<(), Failure> {
    let [key] = keys else {
        return Err(Failure::usage("give one secret with --copy"));
    };
    if ui.json {
        return Err(Failure::usage(
            "--copy prints nothing, so there is no JSON; leave one of them out",
        ));
    }
    let secret = find(key, args, reader)?;
    copy::to_clipboard(key.as_str(), value(&secret, args)?, time, ui)
}

/// Prints or writes the bytes of one secret.
fn bytes(keys: &[KeyName], args: &Args, reader: Reader<'_>, ui: &Ui) -> Result<(), Failure> {
    let [key] = keys else {
        return Err(Failure::usage("give one secret with --base64"));
    };
    if ui.json {
        return Err(Failure::usage(
            "--base64 prints bytes, and JSON is text; leave one of them out",
        ));
    }
    let output = output_file::named(&args.output);
    if output.is_none() && ui.output.is_terminal() {
        return Err(Failure::usage(
            "the bytes could change the terminal; give --output, or pipe them",
        ));
    }
    let secret = find(key, args, reader)?;
    // Its message names the fields that the secret has.
    value(&secret, args)?;
    let bytes = match &args.field {
        Some(name) => secret.field_to_bytes(name),
        None => secret.to_bytes(),
    };
    let bytes = bytes.map_err(|error| match error.kind() {
        ErrorKind::Value => Failure::other(format_args!(
            "the value of `{key}` is not base64; leave --base64 out"
        )),
        _ => reader.vault.failure(error),
    })?;
    match output {
        Some(path) => {
            let access = args.access.access();
            output_file::write(path, bytes.expose_secret(), access, ui.messages)
        }
        None => ui.output.bytes(bytes.expose_secret()),
    }
}

/// Reads one secret.
fn find(key: &KeyName, args: &Args, reader: Reader<'_>) -> Result<Secret, Failure> {
    reader.secret(SecretRequest {
        key: key.clone(),
        fields: args.field.iter().cloned().collect(),
        is_optional: false,
    })
}

/// Returns the value of a secret, or of its requested field.
fn value<'a>(secret: &'a Secret, args: &Args) -> Result<&'a str, Failure> {
    match &args.field {
        Some(name) => Ok(field::find(secret, name)?),
        None => Ok(secret.expose_secret()),
    }
}

/// Reads one secret, and returns its value or its JSON.
fn read(
    key: &KeyName,
    args: &Args,
    reader: Reader<'_>,
    ui: &Ui,
) -> Result<Zeroizing<String>, Failure> {
    let secret = find(key, args, reader)?;
    let value = value(&secret, args)?;
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
    fields: Option<Object<'a>>,
    expires_at: Option<Timestamp>,
}

fn fields(secret: &Secret) -> Option<Object<'_>> {
    let fields = secret.fields().iter();
    let fields: Vec<_> = fields.map(|it| (it.name(), it.expose_secret())).collect();
    (!fields.is_empty()).then_some(Object(fields))
}
