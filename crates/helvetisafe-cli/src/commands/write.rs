//! `set KEY`, `create KEY` and `update KEY`: write one secret.

use std::cell::Cell;

use helvetisafe::{ErrorKind, Expiry, KeyName, Scope, Secrets, Timestamp, Written};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::content::Content;
use super::import::new_secret::{self, NewField};
use super::replacement::{Present, Refusal, Replacement};
use crate::advice;
use crate::failure::Failure;
use crate::session::Vault;
use crate::ui::expiry::{self, ExpiryArgs};
use crate::ui::messages::Messages;
use crate::ui::secret_input::ValueArgs;
use crate::ui::{Ui, key_names};

pub(super) const SET_EXAMPLES: &str = "\
Examples:
  helvetisafe set DB_PASSWORD                          (asks twice, hidden)
  printf %s \"$value\" | helvetisafe set DB_PASSWORD
  helvetisafe set TLS_KEY --value-file tls.key
  helvetisafe set KEYSTORE --base64 --file keystore.p12
  helvetisafe set API_KEY --generate 40 --expires-in 30d
  helvetisafe set DATABASE --field DB_PASS --generate
  helvetisafe set DATABASE --fields --file database.json";

pub(super) const CREATE_EXAMPLES: &str = "\
Examples:
  helvetisafe create DB_PASSWORD --generate
  helvetisafe create CERTIFICATE --value-file tls.crt --expires-at 2030-01-31";

pub(super) const UPDATE_EXAMPLES: &str = "\
Examples:
  printf %s \"$value\" | helvetisafe update DB_PASSWORD
  helvetisafe update DB_PASSWORD --generate --never-expires";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The secret.
    #[arg(value_name = "KEY")]
    key: String,
    /// Write one field of a multi-field secret and keep the others. If there is a single other field, it
    /// needs --allow-unbound, since the vault may have exchanged such a secret; --fields writes several at once.
    #[arg(long, value_name = "FIELD")]
    field: Option<String>,
    /// Write several fields: the value is a JSON object of texts, such as {"DB_HOST":"…","DB_PASS":"…"}. Other
    /// fields of the secret would be lost, which is refused.
    #[arg(long, conflicts_with_all = ["field", "base64", "generate"])]
    fields: bool,
    #[command(flatten)]
    value: ValueArgs,
    #[command(flatten)]
    expiry: ExpiryArgs,
}

#[derive(clap::Args)]
pub(crate) struct ReplaceArgs {
    #[command(flatten)]
    write: Args,
    /// Replace a multi-field secret by this value: all its fields are lost. Without this it is refused, unless the
    /// account may not read the secret: then they are lost with a warning.
    #[arg(long, conflicts_with = "field")]
    drop_fields: bool,
}

/// The writes that are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Set,
    Create,
    Update,
}

pub(super) fn create(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    run(Mode::Create, args, false, vault, ui)
}

pub(super) fn set(args: &ReplaceArgs, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    run(Mode::Set, &args.write, args.drop_fields, vault, ui)
}

pub(super) fn update(args: &ReplaceArgs, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    run(Mode::Update, &args.write, args.drop_fields, vault, ui)
}

fn run(mode: Mode, args: &Args, drops_fields: bool, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    args.value.refuse_argument()?;
    let key = key_names::parse(&args.key)?;
    let expiry = args.expiry.expiry()?;
    // Probably from a variable that is not set.
    if args.field.as_deref() == Some("") {
        return Err(Failure::usage(
            "cannot write a field without a name: --field is empty; give a name, or leave --field out",
        ));
    }
    // Before the user types a value in vain.
    vault.settings()?;
    let target = Target {
        key: &key,
        mode,
        drops_fields,
        expiry,
        vault,
    };
    if target.writes_one_value(args) && args.value.is_asked() {
        target.check()?;
    }
    let value = args.value.read(key.as_str())?;
    let fields = match args.fields {
        true => parsed(&value, &key, ui.messages)?,
        false => Vec::new(),
    };
    let written = match &args.field {
        Some(field) => target.write_field(field, value.expose_secret()),
        None if args.fields => target.write(&Content::Fields(new_secret::texts(&fields))),
        None => target.write(&Content::Value(value.expose_secret())),
    };
    let written = written?;
    vault.note_name(&key, true);
    if let Some(field) = only_field(args, &fields, &written) {
        vault.warn_of_unbound(&key, field)?;
    }
    report(&written, &key, &value, args, ui)
}

/// Parses the value as fields, or reports everything that is wrong in it.
fn parsed(
    value: &SecretString,
    key: &KeyName,
    messages: Messages,
) -> Result<Vec<NewField>, Failure> {
    new_secret::fields_in(value.expose_secret(), key).map_err(|problems| {
        for problem in &problems {
            messages.failure(&Failure::usage(format_args!("the value of --fields: {problem}")));
        }
        Failure::usage(
            "nothing was written; --fields needs a JSON object of texts, such as {\"DB_HOST\":\"…\",\"DB_PASS\":\"…\"}",
        )
    })
}

/// Returns the field of a secret that was written with one alone. An updated field may have others beside it.
fn only_field<'a>(args: &'a Args, fields: &'a [NewField], written: &Written) -> Option<&'a str> {
    match (&args.field, fields) {
        (Some(field), _) if matches!(written, Written::Created(_)) => Some(field),
        (None, [(field, _)]) => Some(field),
        _ => None,
    }
}

/// The secret to write.
struct Target<'a> {
    key: &'a KeyName,
    mode: Mode,
    drops_fields: bool,
    expiry: Expiry,
    vault: &'a Vault,
}

impl Target<'_> {
    /// Returns true if the write may replace fields by one value.
    fn writes_one_value(&self, args: &Args) -> bool {
        self.mode != Mode::Create && args.field.is_none() && !args.fields
    }

    fn replacement<'r>(&'r self, fields: &'r [&'r str]) -> Replacement<'r> {
        Replacement {
            key: self.key,
            fields,
            drops_fields: self.drops_fields,
            creates: self.mode == Mode::Set,
        }
    }

    fn refused(&self, refusal: Refusal) -> Failure {
        let explain = |error| self.vault.failure(error);
        refusal.into_failure(self.key, "--field writes one field, and ", explain)
    }

    /// Fails if a value would replace fields, before the user types it in vain.
    fn check(&self) -> Result<(), Failure> {
        self.vault.client_to_write_over([self.key])?;
        let check = |secrets: Secrets<'_>| self.replacement(&[]).present(secrets);
        let checked = self.vault.write(check)?;
        checked.map(drop).map_err(|refusal| self.refused(refusal))
    }

    /// Writes the whole secret.
    fn write(&self, content: &Content<'_>) -> Result<Written, Failure> {
        let (key, expiry) = (self.key, self.expiry);
        if self.mode == Mode::Create {
            let created = self
                .vault
                .write(|secrets| content.create(key, expiry, secrets))?;
            return created
                .map(Written::Created)
                .map_err(|error| self.vault.failure(error));
        }
        let names = content.field_names();
        let replacement = self.replacement(&names);
        let is_unread = Cell::new(false);
        let write = |secrets: Secrets<'_>| {
            replacement.run(secrets, |present| {
                is_unread.set(matches!(present, Present::Unread));
                content.write_over(present, key, expiry, replacement.creates, secrets)
            })
        };
        self.vault
            .client_to_write_over((!self.drops_fields).then_some(key))?;
        let written = self.vault.write(write)?;
        let written = written.map_err(|refusal| self.refused(refusal))?;
        if let (true, Written::Updated(_)) = (is_unread.get(), &written) {
            self.vault.messages.warning(format_args!(
                "this account may not read `{key}`, so its fields could not be checked: those that it had besides the \
                 new content are lost"
            ));
        }
        Ok(written)
    }

    /// Writes one field.
    fn write_field(&self, field: &str, value: &str) -> Result<Written, Failure> {
        let (key, expiry) = (self.key, self.expiry);
        let write = |secrets: Secrets<'_>| match self.mode {
            Mode::Set => secrets.set_field(key, field, value, expiry),
            Mode::Update => {
                let updated = secrets.update_field(key, field, value, expiry);
                updated.map(Written::Updated)
            }
            Mode::Create => {
                let created = secrets.create_fields(key, &[(field, value)], expiry);
                created.map(Written::Created)
            }
        };
        let written = self.vault.write(write)?;
        written.map_err(|error| {
            let is_unbound = error.named_key().is_some();
            // A vault answers that a new secret exists with a status.
            let is_value = error.kind() == ErrorKind::Conflict && error.status().is_none();
            let missing = error.missing_scope();
            let failure = self.vault.failure(error);
            match missing {
                _ if is_unbound => failure.with_advice("--fields writes several fields at once"),
                _ if is_value && self.mode != Mode::Create => failure.with_advice(&format!(
                    "{} replaces the value by fields, or delete the secret first",
                    advice::command(format_args!("set {key} --fields"))
                )),
                Some(Scope::SecretsRead) => {
                    failure.with_advice("--field reads the secret, to keep its other fields")
                }
                _ => failure,
            }
        })
    }
}

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    key: &'a str,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
}

fn report(
    written: &Written,
    key: &KeyName,
    value: &SecretString,
    args: &Args,
    ui: &Ui,
) -> Result<(), Failure> {
    let action = match written {
        Written::Created(_) => "created",
        Written::Updated(_) => "updated",
    };
    let written = written.metadata();
    let shown = args.value.is_shown().then(|| value.expose_secret());
    if ui.json {
        return ui.output.json(&Json {
            key: key.as_str(),
            action,
            field: args.field.as_deref(),
            created_at: written.created_at(),
            updated_at: written.updated_at(),
            expires_at: written.expires_at(),
            value: shown,
        });
    }
    let expires = expiry::suffix(written.expires_at());
    ui.messages.done(format_args!("{action} `{key}`{expires}"));
    shown.map_or(Ok(()), |value| ui.output.value(value))
}
